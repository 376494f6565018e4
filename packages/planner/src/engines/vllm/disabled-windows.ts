/**
 * `--disable-sliding-window`: windowed layers become layers of full attention, and the context is capped to the window
 * (vllm/config/model.py, _get_and_verify_max_len).
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { LayerSpec, ModelSpec } from '@plimsoll/model-files/spec';
import { createMemo, remember } from '../../bytes/memo.ts';
import type { Question } from '../../question/question.ts';
import type { VllmOptions } from './options.ts';

export function withDisabledWindows(asked: Question<VllmOptions>): Question<VllmOptions> {
  if (asked.options?.noWindows !== true) return asked;
  const windows = asked.spec.layers.flatMap(({ attention }) =>
    attention.kind === 'sliding' ? [attention.window] : [],
  );
  if (windows.length === 0) return asked;
  const window = Math.min(...windows, asked.spec.contextLength);
  const { maxModelLen = asked.workload.contextTokens } = asked.options;
  if (maxModelLen > window) throw contextAboveWindow(maxModelLen, window);
  return { ...asked, spec: remember(specMemo, asked.spec, 'full', () => fullAttention(asked.spec, window)) };
}

const specMemo = createMemo<ModelSpec>();

function fullAttention(spec: ModelSpec, contextLength: number): ModelSpec {
  const found = new Map<LayerSpec, LayerSpec>();
  const layers = spec.layers.map((layer) => {
    const known = found.get(layer) ?? withoutWindow(layer);
    found.set(layer, known);
    return known;
  });
  return { ...spec, layers, contextLength };
}

export function withoutWindow(layer: LayerSpec): LayerSpec {
  if (layer.attention.kind !== 'sliding') return layer;
  const { window: _window, ...heads } = layer.attention;
  return { ...layer, attention: { ...heads, kind: 'full' } };
}

function contextAboveWindow(contextTokens: number, window: number): PlimsollError {
  return new PlimsollError({
    code: 'context-above-window',
    message: `--disable-sliding-window caps the context to the window of ${window} tokens, and ${contextTokens} are asked for`,
    value: contextTokens,
    limit: window,
    hint: `--max-model-len ${window}, or leave --disable-sliding-window out`,
  });
}
