/** Bytes and speed of weight and cache formats. Accuracy is not part of the answer: it needs a measurement. */
import type { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import { textParameterCount } from '@plimsoll/model-files/spec';
import type { KvFormat } from '../bytes/kv-format.ts';
import { solve, usersMax } from '../deployment/deployment.ts';
import { perMillion } from '../deployment/price.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { engineProfile } from '../engines/engines.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { infeasible, prepareReplica, requestOf } from './subject.ts';

export const quantization: Solver = defineSolver({
  name: 'quantization',
  summary: 'memory, users, speed and price of weight and cache formats',
  needs: ['replica'],
  inputs: {
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode at once',
      least: 1,
      most: 100_000,
      default: 16,
    },
    contextTokens: tokensInput({ words: 'tokens of each', default: 8192 }),
    promptTokens: tokensInput({ words: 'prompt for the time to the first token', default: 2048 }),
  },
  outputs: {
    smallest: { unit: 'text', words: 'format with the fewest bytes of weights' },
    fastest: { unit: 'text', words: 'format with the most tokens per second' },
    cheapest: { unit: 'text', words: 'format with the lowest price of output' },
    compression: { unit: 'ratio', words: 'weight bytes of the first row over those of the smallest' },
    speedup: {
      unit: 'ratio',
      words: 'tokens per second of the fastest over those of the first row that fits',
    },
  },
  columns: {
    weights: { unit: 'text', words: 'weights' },
    kv: { unit: 'text', words: 'KV cache' },
    weightBytes: { unit: 'bytes', words: 'weights on a device' },
    bitsPerParameter: { unit: 'ratio', words: 'bits each' },
    usersMax: { unit: 'count', words: 'users that fit' },
    fits: { unit: 'boolean', words: 'fits' },
    tpotSeconds: { unit: 'seconds', words: 'per token' },
    ttftSeconds: { unit: 'seconds', words: 'first token' },
    tokensPerSecond: { unit: 'tokens per second', words: 'output' },
    perMillionOutputUsd: { unit: 'usd per million tokens', words: 'price' },
  },
  formula: [
    'rows: the format of the request, then the usual formats of the engine, each with the cache of the request and with 8 bits',
    'weights, users and step times are those of a plan in this format: fewer bytes to read, and the compute rate of the format',
    'users that do not fit at once have no speed',
  ],
  limits: [
    'No accuracy: it depends on the recipe, the model and the task. Measure it, or read the evaluation of the checkpoint.',
    'Formats that need a published checkpoint are planned as if there is one.',
  ],
  sources: [
    'mlsysim 0.3.0, CompressionModel: ratio of bits, a speedup equal to the ratio, and an accuracy loss fixed by the number of bits (0.2 % at 8, 2.5 % at 4 for every model), which no source supports; it is left out here.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --users 32',
  solve(values, subject) {
    const request = requestOf(subject);
    const rows = formatsOf(request).flatMap((format) => rowOf({ ...request, ...format }, values) ?? []);
    if (rows.length === 0) throw nothingFits(request);
    const served = rows.filter(({ fits }) => fits);
    const [first] = rows;
    const smallest = least(rows, ({ weightBytes }) => weightBytes);
    const fastest = least(served, ({ tokensPerSecond }) => -(tokensPerSecond ?? 0));
    const cheapest = least(
      served,
      ({ perMillionOutputUsd }) => perMillionOutputUsd ?? Number.POSITIVE_INFINITY,
    );
    const base = served[0]?.tokensPerSecond ?? null;
    return {
      outputs: {
        smallest: nameOf(smallest),
        fastest: nameOf(fastest),
        cheapest: cheapest?.perMillionOutputUsd == null ? null : nameOf(cheapest),
        compression:
          first === undefined || smallest === undefined ? null : first.weightBytes / smallest.weightBytes,
        speedup: base === null || fastest?.tokensPerSecond == null ? null : fastest.tokensPerSecond / base,
      },
      rows,
    };
  },
});

interface Row {
  readonly weights: string;
  readonly kv: string;
  readonly weightBytes: number;
  readonly bitsPerParameter: number;
  readonly usersMax: number;
  readonly fits: boolean;
  readonly tpotSeconds: number | null;
  readonly ttftSeconds: number | null;
  readonly tokensPerSecond: number | null;
  readonly perMillionOutputUsd: number | null;
}

type Formats = Pick<PlanRequest, 'weights' | 'kvFormat'>;

/** The request's own formats first; 4-bit floats where the device multiplies them. */
function formatsOf({ engine, hardware, weights, kvFormat }: PlanRequest): readonly Formats[] {
  const usual = engineProfile(engine).usualFormats;
  const names = [
    weights,
    ...usual,
    ...(hardware.rates.fp4 !== undefined && usual.includes('fp8') ? ['nvfp4'] : []),
  ];
  const caches: readonly (KvFormat | undefined)[] = [kvFormat, usual.includes('fp8') ? 'fp8' : 'q8_0'];
  return [...new Set(names)].flatMap((name) => caches.map((kv) => ({ weights: name, kvFormat: kv })));
}

interface Load {
  readonly users: number;
  readonly contextTokens: number;
  readonly promptTokens: number;
}

/** Returns null for a format that the engine does not have. */
function rowOf(request: PlanRequest, { users, contextTokens, promptTokens }: Load): Row | null {
  const workload = { users, contextTokens: Math.max(contextTokens, promptTokens), promptTokens };
  const replica = attempt(() => prepareReplica(request, workload));
  if (replica === null) return null;
  const { deployment, perHourUsd, devices } = replica;
  const { feasible, tpotSeconds, ttftSeconds, tokensPerSecond } = solve(deployment, workload);
  return {
    weights: deployment.formats.weights,
    kv: deployment.formats.kvCache,
    weightBytes: deployment.weightBytes,
    bitsPerParameter: (8 * deployment.weightBytes * devices) / textParameterCount(request.spec),
    usersMax: usersMax(deployment, contextTokens),
    fits: feasible,
    tpotSeconds: feasible ? tpotSeconds : null,
    ttftSeconds: feasible ? ttftSeconds : null,
    tokensPerSecond: feasible ? tokensPerSecond : null,
    perMillionOutputUsd: feasible && perHourUsd !== null ? perMillion(perHourUsd, tokensPerSecond) : null,
  };
}

function least(rows: readonly Row[], measure: (row: Row) => number): Row | undefined {
  return rows.toSorted((left, right) => measure(left) - measure(right))[0];
}

function nameOf(row: Row | undefined): string | null {
  return row === undefined ? null : `${row.weights}, KV cache ${row.kv}`;
}

function nothingFits({ spec, hardware }: PlanRequest): PlimsollError {
  return infeasible(`no usual format of ${spec.id} leaves room for a cache on ${hardware.name}`, {
    hint: 'a larger --tp or another --gpu: plimsoll rank lists what serves',
  });
}
