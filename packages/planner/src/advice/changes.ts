/** The changes a person can make to a deployment, smallest first: flags, then precision, then hardware. */
import { formatCount, formatTokens } from '@plimsoll/foundation';
import { deviceCount } from '../bytes/parallelism.ts';
import { parseElementType, weightFormat } from '../bytes/weight-format.ts';
import { deviceWeights } from '../bytes/weights.ts';
import {
  contextMaxFor,
  type Deployment,
  fixedDeviceBytes,
  neededBytes,
  type Workload,
} from '../deployment/deployment.ts';
import { prepareIfPossible } from '../engines/engines.ts';
import { optionChanges } from '../engines/plimsoll/option-changes.ts';
import { engineRequest } from '../engines/plimsoll/profile.ts';
import type { EngineOptions, PlimsollOptions } from '../engines/plimsoll/settings.ts';
import { usualEngine } from '../engines/usual-engine.ts';
import { checkpointName } from '../engines/vllm/command.ts';
import { defaultKvFormat } from '../question/plan-input.ts';
import type { PlanRequest } from '../question/question.ts';

export interface Change {
  /** Changes of one kind exclude each other: two weight formats, two contexts. */
  readonly kind: string;
  readonly title: string;
  readonly flags: string;
  readonly cost: string;
  /** How far-reaching it is: 1 a flag, 2 a cache precision, 3 shorter contexts, 4 and 5 weight precision, 6 more devices, 7 others. */
  readonly size: number;
  readonly apply: (request: PlanRequest) => PlanRequest;
}

export function candidateChanges(request: PlanRequest, current: Deployment): readonly Change[] {
  if (request.engine === 'plimsoll') return engineChanges(request);
  return [
    ...utilizationChange(request, current),
    ...batchChanges(request),
    ...kvChange(request),
    ...contextChange(request, current),
    ...weightChanges(request),
    ...deviceChanges(request),
    ...hardwareChange(request, current),
  ];
}

/** The engine's own changes, as changes to a plan: users, context and cache type are the plan's, the rest its options. */
function engineChanges(request: PlanRequest): readonly Change[] {
  return optionChanges(engineRequest(request), request.workload.users).map(({ set, ...change }) => ({
    ...change,
    apply: (old) => ({
      ...old,
      kvFormat: set.kvFormat ?? old.kvFormat,
      plimsoll: { ...old.plimsoll, ...pick(set) },
      workload: {
        ...withinContext(old.workload, set.contextMax ?? old.workload.contextTokens),
        users: set.sequencesMax ?? old.workload.users,
      },
    }),
  }));
}

/** A shorter context cuts the prompt that would be longer than it. */
function withinContext(workload: Workload, contextTokens: number): Workload {
  const { promptTokens } = workload;
  return {
    ...workload,
    contextTokens,
    ...(promptTokens !== undefined && { promptTokens: Math.min(promptTokens, contextTokens) }),
  };
}

function pick({ prefillChunkTokens, shrinkWeights }: EngineOptions): PlimsollOptions {
  return {
    ...(prefillChunkTokens !== undefined && { prefillChunkTokens }),
    ...(shrinkWeights !== undefined && { shrinkWeights }),
  };
}

/** Highest utilisation worth advising: above it, a driver hiccup or another process ends the engine. */
const utilizationMax = 0.97;

/**
 * The utilisation at which these users fit: the inverse question. The pool grows by exactly what the limit grows by,
 * so it is one division.
 */
export function utilizationFor(request: PlanRequest, current: Deployment): number | null {
  // Engines that take no share of the device hold their cache among the fixed entries already.
  if (current.cacheIsFixed) return null;
  // Our own engine is given bytes, not a share, and its cache is among what it holds from the start.
  if (request.engine === 'plimsoll') return null;
  const { contextTokens, users } = request.workload;
  const needed = neededBytes(current, users, contextTokens);
  const engineBytes = fixedDeviceBytes(current.fixed.filter((entry) => entry.category !== 'headroom'));
  const share = Math.ceil(((engineBytes + needed) / current.capacityBytes) * 100) / 100;
  return share <= 1 ? share : null;
}

function utilizationChange(request: PlanRequest, current: Deployment): readonly Change[] {
  if (request.engine !== 'vllm') return [];
  const needed = utilizationFor(request, current);
  const headroom = current.fixed.find((entry) => entry.category === 'headroom')?.bytes ?? 0;
  const now = 1 - headroom / current.capacityBytes;
  const target = needed !== null && needed > now ? needed : utilizationMax;
  if (target > utilizationMax || target <= now + 0.005) return [];
  return [
    {
      kind: 'utilization',
      title: `let the engine use ${(target * 100).toFixed(0)} % of the memory`,
      flags: `--gpu-memory-utilization ${target.toFixed(2)}`,
      cost: 'less room for other processes and fragmentation',
      size: 1,
      apply: (old) => ({ ...old, vllm: { ...old.vllm, gpuMemoryUtilization: target } }),
    },
  ];
}

/** Fewer sequences shrink the sampler's buffers; a smaller token budget shrinks activations and what windows keep in flight. */
function batchChanges(request: PlanRequest): readonly Change[] {
  if (request.engine !== 'vllm') return [];
  const found: Change[] = [];
  const sequences = Math.max(16, 2 ** Math.ceil(Math.log2(request.workload.users)));
  if (sequences < (request.vllm?.maxNumSeqs ?? 256)) {
    found.push({
      kind: 'sequences',
      title: `allow ${sequences} sequences at once`,
      flags: `--max-num-seqs ${sequences}`,
      cost: 'more users than that wait',
      size: 1,
      apply: (old) => ({ ...old, vllm: { ...old.vllm, maxNumSeqs: sequences } }),
    });
  }
  if ((request.vllm?.maxNumBatchedTokens ?? 8192) > smallTokenBudget) {
    found.push({
      kind: 'tokens',
      title: `work on ${formatCount(smallTokenBudget)} tokens per step`,
      flags: `--max-num-batched-tokens ${smallTokenBudget}`,
      cost: 'long prompts take more steps',
      size: 1,
      apply: (old) => ({ ...old, vllm: { ...old.vllm, maxNumBatchedTokens: smallTokenBudget } }),
    });
  }
  return found;
}

/** What vLLM itself takes on smaller cards. */
const smallTokenBudget = 2048;

function kvChange(request: PlanRequest): readonly Change[] {
  const now =
    request.kvFormat ?? defaultKvFormat(request.spec, request.elementType ?? request.spec.elementType);
  if (now !== 'bf16' && now !== 'fp16' && now !== 'fp32') return [];
  if (request.engine === 'llama.cpp') {
    return [
      {
        kind: 'kv',
        title: 'keep the KV cache in q8_0',
        flags: '-fa on -ctk q8_0 -ctv q8_0',
        cost: 'a small loss of quality at long contexts',
        size: 2,
        apply: (old) => ({ ...old, kvFormat: 'q8_0', llamaCpp: { ...old.llamaCpp, flashAttention: true } }),
      },
    ];
  }
  if (!hasNarrowFloats(request.hardware)) return [];
  return [
    {
      kind: 'kv',
      title: 'keep the KV cache in fp8',
      flags: '--kv-cache-dtype fp8',
      cost: 'a small loss of quality',
      size: 2,
      apply: (old) => ({ ...old, kvFormat: 'fp8' }),
    },
  ];
}

function contextChange(request: PlanRequest, current: Deployment): readonly Change[] {
  const { users, contextTokens } = request.workload;
  const longest = contextMaxFor(current, users);
  const rounded = Math.floor(longest / 256) * 256;
  if (rounded < 512 || rounded >= contextTokens) return [];
  const flag = request.engine === 'llama.cpp' ? `-c ${rounded * users}` : `--max-model-len ${rounded}`;
  return [
    {
      kind: 'context',
      title: `limit the context to ${formatTokens(rounded)} tokens`,
      flags: flag,
      cost: `longer conversations are cut at ${formatTokens(rounded)}`,
      // Half the context is as far-reaching as other weights; a sixteenth of it is another product.
      size: 3 + Math.log2(contextTokens / rounded),
      apply: (old) => ({ ...old, workload: withinContext(old.workload, rounded) }),
    },
  ];
}

function weightChanges(request: PlanRequest): readonly Change[] {
  const change = (weights: string, size: number, flags: string): Change => ({
    kind: 'weights',
    title: `hold the weights in ${weights}`,
    flags,
    cost: qualityCost(weights),
    size,
    apply: (old) => ({ ...old, weights }),
  });
  if (request.engine === 'llama.cpp') {
    // A file is as it is, and one made from four bits would be no smaller.
    if (request.spec.source === 'gguf' || checkpointBits(request.spec) < 8) return [];
    return ['Q8_0', 'Q4_K_M']
      .filter((format) => format !== request.weights && !isFourBit(request.weights ?? 'Q4_K_M'))
      .map((format) => change(format, format === 'Q8_0' ? 4 : 5, `with a ${format} file`));
  }
  const bits = request.weights === undefined ? checkpointBits(request.spec) : formatBits(request.weights);
  const capability = Number(request.hardware.computeCapability ?? 9);
  // Weight-only fp8 and int4 kernels (Marlin) need compute capability 8.0 and 7.5.
  const fp8 = bits > 8 && capability >= 8 ? [change('fp8', 4, fp8Flags(request))] : [];
  const awq =
    bits >= 8 && capability >= 7.5 ? [change('awq', 5, `with ${checkpointName('awq')} of the model`)] : [];
  return [...fp8, ...awq];
}

/** Bits of what most weights of a checkpoint are held in, as far as advice tells formats apart: 16, 8 or 4. */
function checkpointBits({ quantization }: PlanRequest['spec']): number {
  return quantization === null ? 16 : formatBits(quantization.weights);
}

function formatBits(format: string): number {
  if (parseElementType(format) !== null) return 16;
  return /^(mx)?fp8$|^int8$/i.test(format) ? 8 : 4;
}

function isFourBit(format: string): boolean {
  return /^(I?Q[1-4]|MXFP4)/i.test(format);
}

/** vLLM can make fp8 while it loads, where the plain weights fit on the way; otherwise the checkpoint must have it. */
function fp8Flags(request: PlanRequest): string {
  if (request.spec.quantization !== null) return `with ${checkpointName('fp8')} of the model`;
  const plain = deviceWeights(request.spec, weightFormat(request.spec), request.parallelism).bytes;
  const fitsOnTheWay = plain < request.hardware.memory.usableBytes;
  return fitsOnTheWay ? '--quantization fp8' : `with ${checkpointName('fp8')} of the model`;
}

/** fp8 arithmetic: Ada, Hopper and later, Instinct MI300 and later. */
function hasNarrowFloats(hardware: PlanRequest['hardware']): boolean {
  return hardware.rates.fp8 !== undefined;
}

function qualityCost(format: string): string {
  return format === 'awq' || format === 'Q4_K_M' ? 'some loss of quality' : 'little loss of quality';
}

/** Devices of one node: tensor parallelism over slower links than a node's own is seldom worth its collectives. */
const nodeDevices = 8;

/** The fewest more devices that are a usual size: tensor parallelism within a node, then pipeline stages over nodes. */
function deviceChanges(request: PlanRequest): readonly Change[] {
  if (request.engine === 'llama.cpp') return [];
  const { tensor, pipeline } = request.parallelism;
  const splits: { tensor: number; pipeline: number }[] = [];
  for (let ways = tensor * 2; ways <= nodeDevices; ways *= 2) splits.push({ tensor: ways, pipeline });
  const widest = Math.max(tensor, nodeDevices);
  for (let stages = pipeline * 2; stages <= 4; stages *= 2) splits.push({ tensor: widest, pipeline: stages });
  for (const split of splits) {
    const apply = (old: PlanRequest): PlanRequest => ({
      ...old,
      parallelism: { ...old.parallelism, ...split },
    });
    const deployment = prepareIfPossible(apply(request));
    const { users, contextTokens } = request.workload;
    if (deployment === null || neededBytes(deployment, users, contextTokens) > deployment.poolBytes) continue;
    const devices = split.tensor * split.pipeline;
    const stages = split.pipeline > pipeline ? ` --pipeline-parallel-size ${split.pipeline}` : '';
    return [
      {
        kind: 'devices',
        title: `spread it over ${devices} x ${request.hardware.name}`,
        flags: `--tensor-parallel-size ${split.tensor}${stages}`,
        cost: `${devices / (tensor * pipeline)} times the hardware`,
        size: 6,
        apply,
      },
    ];
  }
  return [];
}

/** The smallest other device that holds it whole; offered where one device was asked for. */
function hardwareChange(request: PlanRequest, current: Deployment): readonly Change[] {
  const { users, contextTokens } = request.workload;
  const needed = neededBytes(current, users, contextTokens);
  if (needed <= current.poolBytes || request.largerDevices === undefined) return [];
  if (deviceCount(request.parallelism) > 1) return [];
  const bytesMin = current.capacityBytes - current.poolBytes + needed;
  for (const hardware of request.largerDevices(bytesMin)) {
    const apply = (old: PlanRequest): PlanRequest => ({ ...old, hardware });
    const deployment = prepareIfPossible(apply(request));
    if (deployment === null || neededBytes(deployment, users, contextTokens) > deployment.poolBytes) continue;
    // Another device may have another usual engine, which is not the one that was asked about.
    const isUsual = usualEngine(hardware, request.spec.source === 'gguf') === request.engine;
    return [
      {
        kind: 'hardware',
        title: `use ${hardware.name} instead`,
        flags: `--gpu ${hardware.id}${isUsual ? '' : ` --engine ${request.engine}`}`,
        cost: 'other hardware',
        size: 7,
        apply,
      },
    ];
  }
  return [];
}
