/** Refuses captures of hidden states that an engine cannot make. */
import { PlimsollError } from '@plimsoll/foundation';
import type { GenerationRequest } from './generation.ts';
import type { HiddenLayer } from './live-sequence.ts';

export function checkCapture(request: GenerationRequest, layerCount: number): void {
  const { capture, choices = 1, overflow = 'refuse' } = request;
  if (capture === undefined) return;
  checkLayers(capture.layers, layerCount);
  if (choices === 1 && overflow === 'refuse') return;
  throw new PlimsollError({
    code: 'bad-capture',
    message:
      choices === 1
        ? 'a context that slides has no hidden states of its first positions'
        : `hidden states belong to one choice, and the request has ${choices}`,
    value: choices,
    limit: 1,
    hint: choices === 1 ? "leave out overflow, or set it to 'refuse'" : 'send one request per choice',
  });
}

export function checkLayers(layers: ReadonlySet<HiddenLayer>, layerCount: number): void {
  for (const layer of layers) {
    if (layer === 'final' || (Number.isSafeInteger(layer) && layer >= -1 && layer < layerCount)) continue;
    throw new PlimsollError({
      code: 'bad-hidden-layer',
      message: `the model has no layer ${layer}`,
      value: layer,
      limit: `-1 (the embedding) to ${layerCount - 1}`,
      hint: 'ask for layers of this model',
    });
  }
}
