/**
 * `spec_capture`: the features of a prompt, inline in the answer. The identity, the layers and the shapes come back with
 * the data, so that a trainer can verify what it adopts.
 */
import { createHash } from 'node:crypto';
import type { HiddenLayer, HiddenStates } from '@plimsoll/engine/hidden-states';
import type { z } from 'zod';
import { base64Text, bytesOf } from '../http/json-stream.ts';
import { InvalidField } from '../http/request-errors.ts';
import type { specCaptureSchema } from './spec-capture-schema.ts';

export type SpecCapture = z.infer<typeof specCaptureSchema>;

/** Layers that the features need. */
export function capturedLayers({ features, aux_layer_ids: layers }: SpecCapture): readonly HiddenLayer[] {
  return [
    ...(features.aux == null ? [] : (layers ?? [])),
    ...(features.last_hidden == null ? [] : ['final' as const]),
  ];
}

/** Throws if the field contradicts itself or the prompt. */
export function checkSpecCapture(capture: SpecCapture, promptTokens: number): void {
  const { features, aux_layer_ids: layers, passthrough } = capture;
  const field = 'spec_capture';
  const names = [features.aux, features.last_hidden, ...(passthrough ?? []).map(({ name }) => name)].filter(
    (name) => name != null,
  );
  if (features.aux == null && features.last_hidden == null) {
    throw new InvalidField(`${field}.features`, 'there is neither aux nor last_hidden');
  }
  if (new Set(names).size < names.length) throw new InvalidField(field, 'two features have one name');
  if ((features.aux != null) !== (layers != null && layers.length > 0)) {
    throw new InvalidField(
      `${field}.aux_layer_ids`,
      'the feature aux has layers, and layers need the feature aux',
    );
  }
  if (new Set(layers ?? []).size < (layers?.length ?? 0)) {
    throw new InvalidField(`${field}.aux_layer_ids`, 'a layer is listed twice');
  }
  for (const { name, data, shape } of passthrough ?? []) {
    const count = shape.reduce((product, size) => product * size, 1);
    if (data.flat().length !== count) {
      throw new InvalidField(
        `${field}.passthrough`,
        `${name} has ${data.flat().length} numbers for ${count} places`,
      );
    }
    if (shape[0] === 1 && shape[1] === promptTokens) continue;
    throw new InvalidField(
      `${field}.passthrough`,
      `${name} has shape [${shape.join(', ')}]; the prompt needs [1, ${promptTokens}, ...]`,
    );
  }
}

interface Feature {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int64';
  readonly parts: Iterable<Uint8Array>;
}

function* featuresOf(
  capture: SpecCapture,
  states: HiddenStates,
  promptTokens: number,
): Generator<Feature, void, void> {
  const { features, aux_layer_ids: layers, passthrough } = capture;
  const { hiddenSize } = states;
  const feature = (name: string, from: readonly HiddenLayer[]): Feature => ({
    ...{ name, dtype: 'float32', shape: [1, promptTokens, from.length * hiddenSize] },
    parts: rowsOf(states, from, promptTokens),
  });
  if (features.aux != null) yield feature(features.aux, layers ?? []);
  if (features.last_hidden != null) yield feature(features.last_hidden, ['final']);
  for (const { name, data, shape, dtype } of passthrough ?? []) {
    const values = BigInt64Array.from(data.flat(), BigInt);
    yield { name, shape, dtype, parts: [new Uint8Array(values.buffer)] };
  }
}

/** The rows of several layers, joined position by position. */
function* rowsOf(
  states: HiddenStates,
  layers: readonly HiddenLayer[],
  promptTokens: number,
): Generator<Uint8Array, void, void> {
  for (let position = 0; position < promptTokens; position++) {
    for (const layer of layers) yield bytesOf(states.rows(layer, position, position + 1));
  }
}

/** Writes the answer's `spec_capture`. */
export function* specCaptureText(
  capture: SpecCapture,
  states: HiddenStates,
  promptTokens: number,
): Generator<string, void, void> {
  const { sample_id, store_id, gen, aux_layer_ids } = capture;
  const identity = { sample_id, store_id, gen: gen ?? 1, aux_layer_ids: aux_layer_ids ?? [] };
  yield `${JSON.stringify(identity).slice(0, -1)},"features":{`;
  let separator = '';
  for (const { name, shape, dtype, parts } of featuresOf(capture, states, promptTokens)) {
    const hash = createHash('sha256');
    yield `${separator}${JSON.stringify(name)}:{"shape":[${shape.join(',')}],"dtype":"${dtype}","data":`;
    yield* base64Text(parts, (part) => void hash.update(part));
    yield `,"sha256":"${hash.digest('hex')}"}`;
    separator = ',';
  }
  yield '}}';
}
