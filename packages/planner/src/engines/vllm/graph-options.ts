/** Flags of vLLM that say which CUDA graphs are captured (vllm/config/compilation.py). */
import { choiceOption, countOption, type OptionSpec } from '../contract/option-spec.ts';
import { type JsonObject, jsonObject, stringOf, wholeOf } from './json-text.ts';

export type GraphMode = 'none' | 'piecewise' | 'full' | 'full-decode-only' | 'full-and-piecewise';

export interface GraphOptions {
  readonly graphMode?: GraphMode | undefined;
  readonly captureSizes?: readonly number[] | undefined;
  readonly captureSizeMax?: number | undefined;
  /** Sizes of --cuda-graph-sizes; a single size is the largest of the usual sizes (vllm/config.py of 0.10). */
  readonly graphSizes?: readonly number[] | undefined;
  /** Level of -O, or of the compilation in --compilation-config. */
  readonly optimizationLevel?: number | undefined;
  readonly performanceMode?: PerformanceMode | undefined;
  /** The object of --compilation-config as a person wrote it. */
  readonly compilationText?: string | undefined;
}

/** Small captured steps in fine grades, or twice the usual tokens and sequences. */
export type PerformanceMode = 'balanced' | 'interactivity' | 'throughput';

const performanceModes: readonly PerformanceMode[] = ['balanced', 'interactivity', 'throughput'];

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

/** Levels have names too, from 0.11 on (vllm/config/compilation.py, CompilationMode). */
const levelNames: Readonly<Record<string, number>> = {
  NONE: 0,
  STOCK_TORCH_COMPILE: 1,
  DYNAMO_TRACE_ONCE: 2,
  VLLM_COMPILE: 3,
};

function levelOf(text: string): number | null {
  return /^[0-3]$/.test(text.trim()) ? Number(text) : (levelNames[text.trim().toUpperCase()] ?? null);
}

function compilationOf(text: string): GraphOptions | null {
  const compilationText = text.trim();
  const level = levelOf(compilationText);
  if (level !== null) return { optimizationLevel: level, compilationText };
  const value = jsonObject(text);
  return value === null ? null : { ...graphsOf(value), compilationText };
}

function numbersOf(text: string): readonly number[] {
  return text
    .trim()
    .split(/[\s,]+/)
    .map(Number);
}

function graphsOf(value: JsonObject): GraphOptions {
  const mode = modes[stringOf(value.cudagraph_mode)?.toUpperCase() ?? ''];
  const sizes = sizesOf(value.cudagraph_capture_sizes);
  const most = wholeOf(value.max_cudagraph_capture_size);
  const level = levelOf(String(value.mode ?? value.level ?? ''));
  return {
    ...(level !== null && { optimizationLevel: level }),
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
    read: compilationOf,
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
      const sizes = sizesOf(numbersOf(text));
      return sizes === null ? null : { captureSizes: sizes };
    },
    write: ({ captureSizes, compilationText }) =>
      captureSizes === undefined || compilationText !== undefined ? null : captureSizes.join(' '),
  },
  {
    name: 'cuda-graph-sizes',
    flags: ['--cuda-graph-sizes'],
    value: '<sizes>',
    words:
      'tokens of the largest captured step, or of each step, in releases before --cudagraph-capture-sizes',
    limit: 'whole numbers above 0, separated by spaces or commas',
    field: null,
    takesNumbers: true,
    read: (text) => {
      const sizes = sizesOf(numbersOf(text));
      return sizes === null ? null : { graphSizes: sizes };
    },
    write: ({ graphSizes }) => graphSizes?.join(' ') ?? null,
  },
  {
    name: 'optimization-level',
    flags: ['-O', '--optimization-level'],
    value: '<level>',
    words: 'level of compilation and CUDA graphs, or the object of --compilation-config in older releases',
    limit: 'a level from 0 to 3, or a JSON object such as {"level": 3}',
    field: null,
    read: (text) => {
      const level = /^[0-3]$/.test(text.trim());
      return level ? { optimizationLevel: Number(text) } : compilationOf(text);
    },
    write: ({ optimizationLevel, compilationText }) =>
      optimizationLevel === undefined || compilationText !== undefined ? null : String(optimizationLevel),
  },
  choiceOption<GraphOptions>(
    {
      name: 'performance-mode',
      flags: ['--performance-mode'],
      choices: performanceModes,
      words: 'graphs of small steps in fine grades, or twice the tokens and sequences',
    },
    (choice) => ({ performanceMode: performanceModes.find((mode) => mode === choice) }),
    ({ performanceMode }) => performanceMode,
  ),
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
