/** Flags of vLLM that say which CUDA graphs are captured (vllm/config/compilation.py). */
import { countOption, type OptionSpec } from '../contract/option-spec.ts';
import { type JsonObject, jsonObject, stringOf, wholeOf } from './json-text.ts';

export type GraphMode = 'none' | 'piecewise' | 'full' | 'full-decode-only' | 'full-and-piecewise';

export interface GraphOptions {
  readonly graphMode?: GraphMode | undefined;
  readonly captureSizes?: readonly number[] | undefined;
  readonly captureSizeMax?: number | undefined;
  /** The object of --compilation-config as a person wrote it. */
  readonly compilationText?: string | undefined;
}

const modes: Readonly<Record<string, GraphMode>> = {
  NONE: 'none',
  PIECEWISE: 'piecewise',
  FULL: 'full',
  FULL_DECODE_ONLY: 'full-decode-only',
  FULL_AND_PIECEWISE: 'full-and-piecewise',
};

function sizesOf(value: unknown): readonly number[] | null {
  if (!Array.isArray(value) || value.length > 10_000) return null;
  const sizes = value.map((size) => wholeOf(size));
  return sizes.every((size): size is number => size !== null && size > 0) ? sizes : null;
}

function graphsOf(value: JsonObject): GraphOptions {
  const mode = modes[stringOf(value.cudagraph_mode)?.toUpperCase() ?? ''];
  const sizes = sizesOf(value.cudagraph_capture_sizes);
  const most = wholeOf(value.max_cudagraph_capture_size);
  return {
    ...(mode !== undefined && { graphMode: mode }),
    ...(sizes !== null && { captureSizes: sizes }),
    ...(most !== null && { captureSizeMax: most }),
  };
}

export const graphOptions: readonly OptionSpec<GraphOptions>[] = [
  {
    name: 'compilation-config',
    flags: ['--compilation-config', '-cc'],
    value: '<json>',
    words: 'compilation and CUDA graphs',
    limit: 'a JSON object such as {"cudagraph_mode": "FULL_DECODE_ONLY"}, or a level from 0 to 3',
    field: null,
    read: (text) => {
      if (/^[0-3]$/.test(text.trim())) return { compilationText: text.trim() };
      const value = jsonObject(text);
      return value === null ? null : { ...graphsOf(value), compilationText: text };
    },
    write: ({ compilationText }) => compilationText ?? null,
  },
  {
    name: 'cudagraph-capture-sizes',
    flags: ['--cudagraph-capture-sizes'],
    value: '<sizes>',
    words: 'tokens of each captured step',
    limit: 'whole numbers above 0, separated by spaces or commas',
    field: null,
    takesNumbers: true,
    read: (text) => {
      const sizes = sizesOf(
        text
          .trim()
          .split(/[\s,]+/)
          .map(Number),
      );
      return sizes === null ? null : { captureSizes: sizes };
    },
    write: ({ captureSizes, compilationText }) =>
      captureSizes === undefined || compilationText !== undefined ? null : captureSizes.join(' '),
  },
  countOption<GraphOptions>(
    {
      name: 'max-cudagraph-capture-size',
      flags: ['--max-cudagraph-capture-size'],
      words: 'tokens of the largest captured step',
    },
    (captureSizeMax) => ({ captureSizeMax }),
    ({ captureSizeMax, compilationText }) => (compilationText === undefined ? captureSizeMax : undefined),
  ),
];
