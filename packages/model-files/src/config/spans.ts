/**
 * Reads the attention span of each layer. Newer files have one `layer_types` entry per layer; for older files the code
 * of the family has a rule, restated here (transformers, configuration_*.py of each family).
 */
import { fullSpan, type Span } from './attention.ts';
import { type ConfigReader, configLimits } from './config-reader.ts';
import { readLayerCount } from './dimensions.ts';

export type SpanRule = (layer: number) => Span;

const reachRule = { maximum: configLimits.contextTokens };

export function readWindow(config: ConfigReader, fallback?: number): number {
  return config.integer('sliding_window', { ...reachRule, ...(fallback !== undefined && { fallback }) });
}

export function sliding(reach: number): Span {
  return { span: 'sliding', reach };
}

/** Reads `layer_types` and checks that it has one entry per layer. Null if the key is absent. */
export function readLayerTypes(config: ConfigReader): readonly string[] | null {
  const types = config.texts('layer_types');
  const count = readLayerCount(config);
  if (types !== null && types.length !== count) {
    throw config.refuse('layer_types', types, `a list of ${count}, one entry per layer`);
  }
  return types;
}

/** Reads spans from `layer_types`; without the list, every `period`-th layer is full and the others slide. */
export function alternatingSpans(
  config: ConfigReader,
  options: { readonly period: number; readonly window?: number },
): SpanRule {
  const window = sliding(readWindow(config, options.window));
  const types = readLayerTypes(config);
  config.ignore('_sliding_window_pattern', 'sliding_window_size');
  const period = readPeriod(config, options.period);
  if (types !== null) return (layer) => spanOfType(config, types[layer] ?? 'full_attention', window);
  return (layer) => ((layer + 1) % period === 0 ? fullSpan : window);
}

/** Reads the period. EXAONE writes it as letters: "LLLG" is three local layers and a global layer. */
function readPeriod(config: ConfigReader, fallback: number): number {
  const pattern = config.raw('sliding_window_pattern');
  if (typeof pattern === 'string') return pattern.indexOf('G') + 1 || fallback;
  return config.integer('sliding_window_pattern', { fallback });
}

function spanOfType(config: ConfigReader, type: string, window: Span): Span {
  if (type === 'sliding_attention') return window;
  if (type === 'full_attention') return fullSpan;
  throw config.refuse('layer_types', type, 'full_attention or sliding_attention');
}

/** Reads one window for all layers. If the code has a default window, a null in the file switches it off. */
export function uniformWindow(config: ConfigReader, codeDefault: number | null): SpanRule {
  const stated = config.optionalInteger('sliding_window', reachRule);
  const window = stated ?? (config.states('sliding_window') ? null : codeDefault);
  return () => (window === null ? fullSpan : sliding(window));
}

/** Qwen: a window only with `use_sliding_window`, and only from layer `max_window_layers` on. */
export function switchedWindow(config: ConfigReader): SpanRule {
  const window = config.optionalInteger('sliding_window', reachRule);
  const first = config.integer('max_window_layers', { fallback: 0, minimum: 0 });
  const types = readLayerTypes(config);
  const used = config.boolean('use_sliding_window', false);
  if (window === null || !used) return () => fullSpan;
  if (types !== null) return (layer) => spanOfType(config, types[layer] ?? '', sliding(window));
  return (layer) => (layer >= first ? sliding(window) : fullSpan);
}

/**
 * Llama 4: layers with rotary positions attend to their chunk; every fourth layer has no positions and full attention.
 */
export function chunkedSpans(config: ConfigReader): SpanRule {
  const chunk = config.optionalInteger('attention_chunk_size', reachRule);
  const types = readLayerTypes(config);
  const rotary = config.integers('no_rope_layers');
  const interval = config.integer('no_rope_layer_interval', { fallback: 4 });
  if (chunk === null) return () => fullSpan;
  const isChunked = (layer: number): boolean => {
    if (types !== null) return types[layer] === 'chunked_attention';
    if (rotary !== null && rotary.length > 0) return rotary[layer] !== 0;
    return (layer + 1) % interval !== 0;
  };
  return (layer) => (isChunked(layer) ? { span: 'chunked', reach: chunk } : fullSpan);
}
