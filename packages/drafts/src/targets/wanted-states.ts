/** Checks of the states that a recipe asks for, and of the states that an engine returns. */
import { PlimsollError } from '@plimsoll/foundation';
import type { CaptureOutcome, PromptStates, TargetEngine, WantedStates } from './target-engine.ts';

/** The layers that published EAGLE3 drafts read: an early, a middle and a late one. Throws `too-few-layers`. */
export function usualLayers(layerCount: number): readonly number[] {
  const layers = [1, Math.floor(layerCount / 2) - 1, layerCount - 4];
  if (new Set(layers).size === layers.length && layers.every((layer) => layer >= 0)) return layers;
  throw new PlimsollError({
    code: 'too-few-layers',
    message: `a target of ${layerCount} layers has no early, middle and late layer at ${layers.join(', ')}`,
    value: layerCount,
    limit: 'at least 8 layers',
    hint: 'name the layers to capture (--layers)',
  });
}

/** Throws `bad-capture-layers` for layers that the target lacks or that are named twice, and what `refusal` returns. */
export function checkWanted(
  engine: Pick<TargetEngine, 'identity' | 'layerCount' | 'refusal'>,
  wanted: WantedStates,
): void {
  const { layerIds, hasFinal } = wanted;
  const isLayer = (id: number): boolean => Number.isSafeInteger(id) && id >= 0 && id < engine.layerCount;
  const wrong = layerIds.find((id, index) => !isLayer(id) || layerIds.indexOf(id) !== index);
  if (wrong !== undefined || (layerIds.length === 0 && !hasFinal))
    throw new PlimsollError({
      code: 'bad-capture-layers',
      message: `the layers ${layerIds.join(', ') || '(none)'} cannot be captured from ${engine.identity.id}`,
      value: wrong ?? 'no layers and no final states',
      limit: `different layers, 0 to ${engine.layerCount - 1}`,
      hint: 'name layers of this target, each once',
    });
  const refused = engine.refusal(wanted);
  if (refused !== null) throw refused;
}

interface ExpectedStates {
  readonly wanted: WantedStates;
  readonly tokenCount: number;
  readonly hiddenSize: number;
}

/** Turns states of a wrong size into a failure: an engine must never pad or cut a prompt silently. */
export function checkedStates(states: PromptStates, expected: ExpectedStates): CaptureOutcome {
  const { wanted, tokenCount, hiddenSize } = expected;
  const sizes = [
    ['layers', states.layers, wanted.layerIds.length],
    ['final states', states.final, wanted.hasFinal ? 1 : 0],
  ] as const;
  for (const [name, values, width] of sizes) {
    const found = values?.length ?? 0;
    const size = tokenCount * width * hiddenSize;
    if (found === size) continue;
    const reason = `the ${name} have ${found} numbers, ${tokenCount} tokens of ${width} x ${hiddenSize} have ${size}`;
    return { kind: 'failed', reason, isRetryable: false };
  }
  return { kind: 'captured', states };
}

/** Joins the rows of several layers position by position: [layers][tokens, hidden] -> [tokens, layers x hidden]. */
export function joinLayers(layers: readonly Float32Array[], hiddenSize: number): Float32Array | null {
  const [first] = layers;
  if (first === undefined) return null;
  const joined = new Float32Array(first.length * layers.length);
  for (const [index, rows] of layers.entries()) {
    for (let start = 0; start < rows.length; start += hiddenSize)
      joined.set(rows.subarray(start, start + hiddenSize), start * layers.length + index * hiddenSize);
  }
  return joined;
}
