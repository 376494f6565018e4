/** Changes for engines that load checkpoints and split every layer over their devices. */
import { formatTokens } from '@plimsoll/foundation';
import { deviceCount, type Parallelism } from '../../bytes/parallelism.ts';
import { parseElementType, weightFormat } from '../../bytes/weight-format.ts';
import { deviceWeights } from '../../bytes/weights.ts';
import { contextMaxFor, type Deployment, neededBytes } from '../../deployment/deployment.ts';
import { defaultKvFormat } from '../../question/plan-input.ts';
import type { Question } from '../../question/question.ts';
import { withContext } from '../../question/workload.ts';
import { type EngineFace, sharedFlag } from './engine-face.ts';
import { type Change, type EngineProfile, refusalOf } from './engine-profile.ts';
import { layoutFlags, layoutsOf, nodeDevices } from './layouts.ts';

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
  const awq = bits >= 8 && capability >= 7.5 ? [weightChange({ weights: 'awq', size: 5 })] : [];
  return [...fp8, ...awq];
}

/** Proposes weights of another format; without `flags` in another checkpoint or file. */
export function weightChange(change: {
  readonly weights: string;
  readonly size: number;
  readonly flags?: string;
}): Change<object> {
  const { weights, size, flags = planWeights(weights) } = change;
  return {
    kind: 'weights',
    title: `hold the weights in ${weights}`,
    flags,
    cost: weights === 'awq' || weights === 'Q4_K_M' ? 'some loss of quality' : 'little loss of quality',
    size,
    // The checkpoint of the question has its old format.
    apply: (old) => ({ ...old, weights, convertedReference: undefined }),
  };
}

/** Returns the bits of most weights of a checkpoint, in the steps that advice distinguishes: 16, 8 or 4. */
export function checkpointBits({ quantization }: Question['spec']): number {
  return quantization === null ? 16 : formatBits(quantization.weights);
}

export function formatBits(format: string): number {
  if (parseElementType(format) !== null) return 16;
  return /^(mx)?fp8$|^int8$/i.test(format) ? 8 : 4;
}

/**
 * Engines convert to fp8 while they load, if the plain weights fit during the load; otherwise the checkpoint must be
 * fp8.
 */
function fp8Flags({ spec, parallelism, hardware }: Question, flag: string): string {
  if (spec.quantization !== null) return planWeights('fp8');
  const plain = deviceWeights(spec, weightFormat(spec), parallelism).bytes;
  const fitsOnTheWay = plain < hardware.memory.usableBytes;
  return fitsOnTheWay ? `${flag} fp8` : planWeights('fp8');
}

/** The flag of `plimsoll plan` for another checkpoint: engines take the checkpoint itself, and no flag names its format. */
function planWeights(format: string): string {
  return `--weights ${format}`;
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

/**
 * Finds the smallest usual number of devices that hold all users, in the layout that is fastest for them: doubled within
 * a node, then two and four nodes.
 */
function deviceChange<Options extends object>(
  engine: Planned<Options>,
  question: Question<Options>,
): readonly Change<Options>[] {
  const { parallelism, hardware, spec } = question;
  const now = deviceCount(parallelism);
  for (const count of [2 * now, 4 * now, 8 * now].filter((devices) => isUsualCount(devices))) {
    const layouts = layoutsOf(count, spec, 'tensors')
      .filter(({ data, expertParallel }) => !expertParallel && (data === 1 || data === parallelism.data))
      .map((layout) => ({ ...layout, expertParallel: parallelism.expertParallel }));
    const fastest = fastestLayout(engine, question, layouts);
    if (fastest === null) continue;
    return [
      {
        kind: 'devices',
        title: `spread the model over ${count} x ${hardware.name}`,
        flags: layoutFlags(engine, parallelism, fastest),
        cost: `${count / now} times the hardware`,
        // Each further doubling is a further step.
        size: 5 + Math.log2(count / now),
        apply: (old) => ({ ...old, parallelism: fastest }),
      },
    ];
  }
  return [];
}

/** Halves of a node, a node, two and four of them; a count that no machine has is not advised. */
function isUsualCount(devices: number): boolean {
  return devices <= 4 * nodeDevices && (devices <= nodeDevices || devices % nodeDevices === 0);
}

/** The layout that holds all users with the least time per token; null if none holds them. */
function fastestLayout<Options extends object>(
  engine: Planned<Options>,
  question: Question<Options>,
  layouts: readonly Parallelism[],
): Parallelism | null {
  let fastest: Parallelism | null = null;
  let least = Number.POSITIVE_INFINITY;
  const { users, contextTokens } = question.workload;
  for (const parallelism of layouts) {
    refusalOf(() => {
      const deployment = engine.prepare({ ...question, parallelism });
      if (neededBytes(deployment, users, contextTokens) > deployment.poolBytes) return;
      const seconds = deployment.speed.decodeSeconds(users, contextTokens);
      if (seconds >= least) return;
      least = seconds;
      fastest = parallelism;
    });
  }
  return fastest;
}
