/** Changes for engines that load checkpoints and split every layer over their devices. */
import { formatTokens } from '@plimsoll/foundation';
import { parseElementType, weightFormat } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { contextMaxFor, type Deployment, neededBytes } from '../../deployment/deployment.ts';
import { defaultKvFormat } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import { withContext } from '../../question/workload.ts';
import { type EngineFace, sharedFlag } from './engine-face.ts';
import { type Change, type EngineProfile, refusalOf } from './engine-profile.ts';

type Planned<Options extends object> = Pick<EngineFace<Options>, 'spellings'> &
  Pick<EngineProfile<Options>, 'prepare'>;

/** Lists changes of cache precision, context, weight precision and number of devices. */
export function checkpointChanges<Options extends object>(
  engine: Planned<Options>,
  question: Question<Options>,
  current: Deployment,
): readonly Change<Options>[] {
  const flag = (name: Parameters<typeof sharedFlag>[1]): string => sharedFlag(engine, name);
  return [
    ...cacheChange(question, flag('kv')),
    ...contextChange(question, current, (contextTokens) => `${flag('context')} ${contextTokens}`),
    ...weightChanges(question, flag('weights')),
    ...deviceChange(engine, question),
  ];
}

/** Proposes a cache of 8 bits on devices with fp8 units. */
export function cacheChange(question: Question, flag: string): readonly Change<object>[] {
  if (!isCacheWide(question) || !hasNarrowFloats(question.hardware)) return [];
  return [
    {
      kind: 'kv',
      title: 'keep the KV cache in fp8',
      flags: `${flag} fp8`,
      cost: 'a small loss of quality',
      size: 2,
      apply: (old) => ({ ...old, kvFormat: 'fp8' }),
    },
  ];
}

/** Returns true if keys and values have 16 bits or more. */
export function isCacheWide({ spec, kvFormat, elementType }: Question): boolean {
  const now = kvFormat ?? defaultKvFormat(spec, elementType ?? spec.elementType);
  return now === 'bf16' || now === 'fp16' || now === 'fp32';
}

/** Proposes the longest context that these users can have, in whole steps of 256 tokens and at least 512. */
export function contextChange(
  question: Question,
  current: Deployment,
  flags: (contextTokens: number) => string,
): readonly Change<object>[] {
  const { users, contextTokens } = question.workload;
  const longest = contextMaxFor(current, users);
  const rounded = Math.floor(longest / 256) * 256;
  if (rounded < 512 || rounded >= contextTokens) return [];
  return [
    {
      kind: 'context',
      title: `limit the context to ${formatTokens(rounded)} tokens`,
      flags: flags(rounded),
      cost: `longer conversations are cut at ${formatTokens(rounded)}`,
      // Half the context counts as much as fp8 weights (4), a sixteenth as much as other hardware (7).
      size: 3 + Math.log2(contextTokens / rounded),
      apply: (old) => ({ ...old, workload: withContext(old.workload, rounded) }),
    },
  ];
}

function weightChanges(question: Question, flag: string): readonly Change<object>[] {
  const { spec, weights, hardware } = question;
  const bits = weights === undefined ? checkpointBits(spec) : formatBits(weights);
  const capability = Number(hardware.computeCapability ?? 9);
  // Weight-only fp8 and int4 kernels (Marlin) need compute capability 8.0 and 7.5.
  const fp8 =
    bits > 8 && capability >= 8
      ? [weightChange({ weights: 'fp8', size: 4, flags: fp8Flags(question, flag) })]
      : [];
  const awq =
    bits >= 8 && capability >= 7.5
      ? [weightChange({ weights: 'awq', size: 5, flags: `with ${checkpointName('awq')} of the model` })]
      : [];
  return [...fp8, ...awq];
}

export function weightChange(
  change: Pick<Change<object>, 'size' | 'flags'> & { readonly weights: string },
): Change<object> {
  const { weights, size, flags } = change;
  return {
    kind: 'weights',
    title: `hold the weights in ${weights}`,
    flags,
    cost: weights === 'awq' || weights === 'Q4_K_M' ? 'some loss of quality' : 'little loss of quality',
    size,
    apply: (old) => ({ ...old, weights }),
  };
}

/** Returns the bits of most weights of a checkpoint, in the steps that advice distinguishes: 16, 8 or 4. */
export function checkpointBits({ quantization }: Question['spec']): number {
  return quantization === null ? 16 : formatBits(quantization.weights);
}

function formatBits(format: string): number {
  if (parseElementType(format) !== null) return 16;
  return /^(mx)?fp8$|^int8$/i.test(format) ? 8 : 4;
}

/**
 * Engines convert to fp8 while they load, if the plain weights fit during the load; otherwise the checkpoint must be
 * fp8.
 */
function fp8Flags({ spec, parallelism, hardware }: Question, flag: string): string {
  if (spec.quantization !== null) return `with ${checkpointName('fp8')} of the model`;
  const plain = deviceWeights(spec, weightFormat(spec), parallelism).bytes;
  const fitsOnTheWay = plain < hardware.memory.usableBytes;
  return fitsOnTheWay ? `${flag} fp8` : `with ${checkpointName('fp8')} of the model`;
}

/** Formats "an AWQ checkpoint", "an int8 checkpoint". */
export function checkpointName(weights: string): string {
  const name = /^(awq|gptq|nvfp4|mxfp4|fp8)$/.test(weights) ? weights.toUpperCase() : weights;
  return `${/^[aeio]|^[AFMNX][A-Z]/.test(name) ? 'an' : 'a'} ${name} checkpoint`;
}

/** Returns true for devices with fp8 arithmetic: Ada, Hopper and later, Instinct MI300 and later. */
function hasNarrowFloats(hardware: Question['hardware']): boolean {
  return hardware.rates.fp8 !== undefined;
}

/** Devices of one node: over the slower links between nodes, the collectives of tensor parallelism seldom pay off. */
const nodeDevices = 8;

/**
 * Finds the smallest usual number of devices that hold the model: tensor parallelism within a node, then pipeline
 * stages over nodes.
 */
function deviceChange<Options extends object>(
  engine: Planned<Options>,
  question: Question<Options>,
): readonly Change<Options>[] {
  const { tensor, pipeline } = question.parallelism;
  const splits: { tensor: number; pipeline: number }[] = [];
  for (let ways = tensor * 2; ways <= nodeDevices; ways *= 2) splits.push({ tensor: ways, pipeline });
  const widest = Math.max(tensor, nodeDevices);
  for (let stages = pipeline * 2; stages <= 4; stages *= 2) splits.push({ tensor: widest, pipeline: stages });
  for (const split of splits) {
    const changed = { ...question, parallelism: { ...question.parallelism, ...split } };
    if (!holdsAll(engine, changed)) continue;
    const devices = split.tensor * split.pipeline;
    const stages = split.pipeline > pipeline ? ` ${sharedFlag(engine, 'pp')} ${split.pipeline}` : '';
    return [
      {
        kind: 'devices',
        title: `spread the model over ${devices} x ${question.hardware.name}`,
        flags: `${sharedFlag(engine, 'tp')} ${split.tensor}${stages}`,
        cost: `${devices / (tensor * pipeline)} times the hardware`,
        size: 6,
        apply: (old) => ({ ...old, parallelism: { ...old.parallelism, ...split } }),
      },
    ];
  }
  return [];
}

function holdsAll<Options extends object>(engine: Planned<Options>, question: Question<Options>): boolean {
  let isHeld = false;
  const refusal = refusalOf(() => {
    const deployment = engine.prepare(question);
    const { users, contextTokens } = question.workload;
    isHeld = neededBytes(deployment, users, contextTokens) <= deployment.poolBytes;
  });
  return refusal === null && isHeld;
}
