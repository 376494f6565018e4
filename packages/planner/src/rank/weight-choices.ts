/**
 * Lists the weights that users can get for an engine: published checkpoints, formats made while loading, GGUF files.
 */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import kernels from '@plimsoll/registry/engines/weight-kernels.json' with { type: 'json' };
import { parseElementType, weightFormat } from '../bytes/weight-format.ts';
import { checkpointBits } from '../engines/contract/checkpoint-changes.ts';
import type { EngineFace } from '../engines/contract/engine-face.ts';
import type { RankQuestion } from './rank-question.ts';

export interface WeightChoice {
  /** The checkpoint that is loaded. */
  readonly spec: ModelSpec;
  /** Format to convert to; null keeps the checkpoint's own format, or takes the most downloaded file. */
  readonly format: string | null;
  /** Published checkpoint in this format, if `spec` is its base model; null otherwise. */
  readonly converted: string | null;
  /** True if the engine makes the format from the plain weights, which then must fit during the load. */
  readonly isMade: boolean;
}

type Loader = Pick<EngineFace<object>, 'loads' | 'usualFormats' | 'madeWhileLoading'>;

/** Returns the choices in order of quality: the checkpoint's own format first. */
export function weightChoices(
  { model, checkpoints, conversions }: Pick<RankQuestion, 'model' | 'checkpoints' | 'conversions'>,
  { loads, usualFormats, madeWhileLoading = [] }: Loader,
): readonly WeightChoice[] {
  const own: WeightChoice = { spec: model, format: null, converted: null, isMade: false };
  if (model.source === 'gguf') return loads === 'checkpoints' ? [] : [own];
  if (loads === 'gguf') {
    // A model that was trained in few bits is published in these bits; wider files do not exist.
    if (checkpointBits(model) < 8) return [own];
    return usualFormats.map((format) => ({ spec: model, format, converted: null, isMade: false }));
  }
  // bitsandbytes decodes much more slowly than its bytes suggest, so such checkpoints do not serve several users.
  const served = checkpoints.filter(({ quantization }) => quantization?.weights !== 'nf4');
  if (model.quantization !== null) return [own, ...served.map(published)];
  const formats = new Set(served.map(({ quantization }) => quantization?.weights));
  const made = usualFormats.filter(
    (format) => madeWhileLoading.includes(format) && ![...formats].some((known) => known === format),
  );
  return [
    own,
    ...served.map(published),
    ...made.map((format) => ({ spec: model, format, converted: null, isMade: true })),
    ...conversions.map(({ id, format }) => ({ spec: model, format, converted: id, isMade: false })),
  ];
}

function published(spec: ModelSpec): WeightChoice {
  return { spec, format: null, converted: null, isMade: false };
}

interface KernelRule {
  readonly computeCapabilityMin: number;
  readonly amdWithFp8Units: boolean;
  /** Other devices with kernels, by id. */
  readonly devices: readonly string[];
}

const rules: ReadonlyMap<string, KernelRule> = new Map(Object.entries(kernels.formats));

/** Returns why a server of checkpoints has no kernels for these weights on the device; null if it has. */
export function missingKernels(
  { spec, format }: WeightChoice,
  { id, computeCapability, vendor, rates, name }: HardwareRecord,
): string | null {
  const weights = schemeOf(spec, format);
  const rule = weights === null ? undefined : rules.get(weights);
  if (rule === undefined || rule.devices.includes(id)) return null;
  if (computeCapability !== null) {
    return Number(computeCapability) >= rule.computeCapabilityMin
      ? null
      : `${weights} weights need compute capability ${rule.computeCapabilityMin.toFixed(1)}, ${name} has ${computeCapability}`;
  }
  if (vendor === 'AMD' && rule.amdWithFp8Units && rates.fp8 !== undefined) return null;
  return `there are no kernels for ${weights} weights on ${name}`;
}

/** Returns the format of most weights: `fp8`, `int4`; null for plain types. */
function schemeOf(spec: ModelSpec, format: string | null): string | null {
  if (format === null) return spec.quantization?.weights ?? null;
  if (parseElementType(format) !== null) return null;
  for (const { tensors } of spec.layers) {
    const matrix = tensors.find(
      ({ role, shape }) => shape.length >= 2 && /^(mlp|expert|attention)-/.test(role),
    );
    if (matrix !== undefined) return weightFormat(spec, { format }).element(matrix).type;
  }
  return null;
}
