/** Hidden states in the answers of `/generate`. */
import type { Engine } from '@plimsoll/engine';
import type { HiddenLayer, HiddenStates } from '@plimsoll/engine/hidden-states';
import { jsonNumbers } from '../http/json-stream.ts';
import type { GenerateAsk } from './generate-input.ts';
import type { Generated } from './generate-schema.ts';
import { capturedLayers, specCaptureText } from './spec-capture.ts';

/** Reserves memory for the states of one answer; null if it needs none. The caller releases it. */
export function openStates(
  engine: Engine,
  { hidden, capture, tokens, input }: GenerateAsk,
): HiddenStates | null {
  if (hidden === false && capture === null) return null;
  const layers: readonly HiddenLayer[] = [
    ...(hidden === false ? [] : (['final'] as const)),
    ...(capture === null ? [] : capturedLayers(capture)),
  ];
  const positions = hidden === 'last' && capture === null ? 'last' : 'all';
  return engine.openHiddenStates({
    ...{ layers, positions, promptTokens: tokens.length, maxTokens: input.maxTokens ?? 1 },
  });
}

/** Writes one answer. The states follow the other fields of `meta_info`, its last key. */
export function* answerText(
  view: Generated,
  { ask, states }: { readonly ask: GenerateAsk; readonly states: HiddenStates | null },
): Generator<string, void, void> {
  const text = JSON.stringify(view);
  if (states === null) {
    yield text;
    return;
  }
  const promptTokens = ask.tokens.length;
  yield text.slice(0, -2);
  if (ask.hidden !== false) {
    const last = promptTokens + Math.max(1, view.output_ids.length) - 1;
    yield ',"hidden_states":[';
    if (ask.hidden === 'last') yield* jsonNumbers(states.rows('final', last - 1, last));
    else yield* stepsText(states, promptTokens, last);
    yield ']';
  }
  if (ask.capture !== null) {
    yield ',"spec_capture":';
    yield* specCaptureText(ask.capture, states, promptTokens);
  }
  yield '}}';
}

/** The rows of the prompt as one list, then the row of each later step. `end`: end of the positions. */
function* stepsText(states: HiddenStates, promptTokens: number, end: number): Generator<string, void, void> {
  for (let position = 0; position < end; position++) {
    yield position === 0 ? '[' : ',';
    yield* jsonNumbers(states.rows('final', position, position + 1));
    if (position === promptTokens - 1) yield ']';
  }
}
