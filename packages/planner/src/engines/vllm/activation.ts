/**
 * Peak memory of vLLM's profiling run above the weights: the largest of three moments. The vision tower holds the tensors
 * of its attention for the largest images; the forward pass holds the MLP's inner tensors for the whole token budget; the
 * sampler's dry run holds several copies of one row of logits per sequence. On large vocabularies the sampler wins. Every
 * device gathers whole logits, so the sampler's peak is the same at every tensor-parallel size. Buffers that the run
 * creates and keeps (mixture workspaces, image features) add to the last two.
 */
import { MiB } from '@plimsoll/foundation';
import type { MlpSpec, ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import facts from '@plimsoll/registry/engines/vllm.json' with { type: 'json' };
import type { Parallelism } from '../../bytes/parallelism.ts';
import { elementBytes, type WeightFormat } from '../../bytes/weight-format.ts';
import type { VllmSettings } from './defaults.ts';
import type { VllmRelease } from './release.ts';
import type { ModelRunner } from './runner.ts';
import { type SamplerPath, samplerPath } from './sampler-path.ts';
import { type Term, type VisionProfile, visionProfile } from './vision-profile.ts';

export interface ActivationInput {
  readonly spec: ModelSpec;
  readonly format: WeightFormat;
  readonly hardware: HardwareRecord;
  readonly parallelism: Parallelism;
  readonly settings: VllmSettings;
  readonly release: VllmRelease;
  readonly runner: ModelRunner;
  /** Position in the pipeline: the last stage samples, all but the first receive hidden states. */
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** A sum of named terms; the derivation prints them, the ledger adds them. */
export interface ActivationPeak {
  readonly bytes: number;
  readonly formula: string;
  readonly substituted: string;
}

export function activationPeak(asked: ActivationInput): ActivationPeak {
  const images = imageProfile(asked);
  const batchedTokens = images?.promptTokens ?? asked.settings.batchedTokens;
  const input = { ...asked, settings: { ...asked.settings, batchedTokens } };
  const common = commonTerms(input);
  const kept = [...common, ...(images?.kept ?? [])];
  const moments = [
    [...forwardTerms(input), ...kept],
    input.isLast ? [...samplerTerms(input), ...kept] : [],
    images === null ? [] : [...images.peak, ...matrixTerms(input)],
  ];
  const terms = moments.reduce((most, moment) => (total(moment) > total(most) ? moment : most));
  return {
    bytes: total(terms),
    formula: terms.map((term) => term.name).join(' + '),
    substituted: terms.map((term) => term.text).join(' + '),
  };
}

function imageProfile(input: ActivationInput): VisionProfile | null {
  const { spec, settings, release, parallelism, format } = input;
  if (!input.isFirst) return null;
  return visionProfile({
    ...{ spec, settings, release, tensor: parallelism.tensor },
    sharesImages: parallelism.wholeVision === true,
    elementBytes: elementBytes[format.base],
  });
}

function total(terms: readonly Term[]): number {
  let sum = 0;
  for (const term of terms) sum += term.bytes;
  return sum;
}

function samplerTerms(input: ActivationInput): readonly Term[] {
  const { spec, format, settings, hardware } = input;
  const base = elementBytes[format.base];
  const path = samplerPath(input.release, hardware, input.runner);
  const copies = bytesPerLogit(path, base);
  const rows = settings.batchedTokens + 2 * settings.sequences;
  const terms: Term[] = [
    {
      name: 'sequences x vocabulary x bytes per logit',
      text: `${settings.sequences} x ${spec.vocabSize} x ${copies}`,
      bytes: settings.sequences * spec.vocabSize * copies,
    },
    {
      name: '(token budget + 2 x sequences) x hidden x bytes',
      text: `${rows} x ${spec.hiddenSize} x ${base}`,
      bytes: rows * spec.hiddenSize * base,
    },
  ];
  if (path === 'triton' && hardware.vendor === 'NVIDIA') {
    const programs = Math.min(multiprocessors(hardware), settings.sequences);
    terms.push({
      name: 'top-k scratch per multiprocessor',
      text: `${programs} x ${spec.vocabSize} x 4`,
      bytes: programs * spec.vocabSize * 4,
    });
  }
  return terms;
}

/**
 * Live bytes per logit: the model's own type (a 32-bit model is converted for free), then what the sampler adds. The
 * 20 bytes of scratch in the sort path are what torch.sort takes for segmented sorting.
 */
function bytesPerLogit(path: SamplerPath, base: number): number {
  const own = base === 4 ? 0 : base;
  switch (path) {
    case 'sort':
      return own + 4 + 4 + 8 + 20; // fp32 logits, sorted values, int64 indices, scratch
    case 'triton':
    case 'flashinfer':
      return own + 4 + 4 + 4; // fp32 logits, probabilities, exponential noise or masked copy
    case 'in-place':
      return own + 4 + 4; // fp32 logits, exponential noise
    case 'logits':
      return base;
    default:
      return path satisfies never;
  }
}

/**
 * The layer with the largest live tensors: gate and up outputs and their product, and a few hidden-size tensors around
 * them. Until 0.11 the expert kernels allocated their buffers per call, so they count in their own layers only.
 */
function forwardTerms(input: ActivationInput): readonly Term[] {
  const layers = [...new Set(input.spec.layers)];
  const candidates = layers.map((layer) => layerTerms(input, layer.mlp));
  return candidates.reduce((most, terms) => (total(terms) > total(most) ? terms : most), []);
}

function layerTerms(input: ActivationInput, mlp: MlpSpec): readonly Term[] {
  const { spec, format, settings, parallelism } = input;
  const base = elementBytes[format.base];
  const inner = Math.ceil(innerWidth(mlp) / parallelism.tensor);
  const copies = hiddenCopies(input);
  const terms: Term[] = [
    {
      name: 'token budget x (3 x intermediate + copies x hidden) x bytes',
      text: `${settings.batchedTokens} x (3 x ${inner} + ${copies} x ${spec.hiddenSize}) x ${base}`,
      bytes: settings.batchedTokens * (3 * inner + copies * spec.hiddenSize) * base,
    },
  ];
  if (quantizesActivations(input)) {
    terms.push({
      name: 'quantised activations',
      text: `${settings.batchedTokens} x (${inner} + ${spec.hiddenSize})`,
      bytes: settings.batchedTokens * (inner + spec.hiddenSize),
    });
  }
  const mixture = keepsMixtureWorkspace(input.release) ? null : mixtureWorkspace(input, mlp);
  return mixture === null ? terms : [...terms, mixture];
}

/** Gated layers hold three inner tensors at once, plain ones two. */
function innerWidth(mlp: MlpSpec): number {
  switch (mlp.kind) {
    case 'dense':
      return mlp.gated ? mlp.intermediateSize : (mlp.intermediateSize * 2) / 3;
    case 'moe':
      return mlp.sharedIntermediateSize;
    case 'none':
      return 0;
    default:
      return mlp satisfies never;
  }
}

function hiddenCopies({ release, hardware }: ActivationInput): number {
  const { compiled, eager, eagerOld } = facts.forwardHiddenCopies;
  if (release.engine === 'V1') return compiled.value;
  return Number(hardware.computeCapability ?? 9) < 8 ? eagerOld.value : eager.value;
}

/** fp8 matrix units exist from compute capability 8.9; before, fp8 weights are expanded inside the kernel (Marlin). */
function quantizesActivations({ format, hardware }: ActivationInput): boolean {
  if (format.compute === 'int8') return true;
  return format.compute === 'fp8' && Number(hardware.computeCapability ?? 9) >= 8.9;
}

function matrixTerms({ hardware }: ActivationInput): readonly Term[] {
  const hopper =
    hardware.computeCapability === '9.0' || hardware.computeCapability?.startsWith('10.') === true;
  const workspace = (hopper ? facts.matrixWorkspaceMib.hopper : facts.matrixWorkspaceMib.other) * MiB;
  return [{ name: 'matrix workspace', text: String(workspace), bytes: workspace }];
}

function commonTerms(input: ActivationInput): readonly Term[] {
  const { spec, settings, format } = input;
  const base = elementBytes[format.base];
  const terms: Term[] = [...matrixTerms(input)];
  const expertLayer = spec.layers.find((layer) => layer.mlp.kind === 'moe');
  if (expertLayer !== undefined && keepsMixtureWorkspace(input.release)) {
    const mixture = mixtureWorkspace(input, expertLayer.mlp);
    if (mixture !== null) terms.push(mixture);
  }
  if (!input.isFirst) {
    terms.push({
      name: 'hidden states received from the stage before',
      text: `2 x ${settings.batchedTokens} x ${spec.hiddenSize} x ${base}`,
      bytes: 2 * settings.batchedTokens * spec.hiddenSize * base,
    });
  }
  return terms;
}

/** Fused mixture kernels keep two buffers of routed rows: inputs or activations, and outputs (fused_moe, Triton). */
function mixtureWorkspace(input: ActivationInput, mlp: MlpSpec): Term | null {
  const { spec, settings, parallelism, release, format } = input;
  if (mlp.kind !== 'moe' || spec.quantization?.weights === 'mxfp4') return null;
  const base = elementBytes[format.base];
  const rows = Math.min(
    settings.batchedTokens,
    release.number >= 18 ? Number.POSITIVE_INFINITY : mixtureChunk(release),
  );
  const gateUp = (2 * mlp.expertIntermediateSize) / (parallelism.expertParallel ? 1 : parallelism.tensor);
  const hidden = spec.hiddenSize;
  const width = Math.max(gateUp / 2, hidden) + Math.max(gateUp, hidden);
  return {
    name: 'routed tokens x (inputs + outputs) of the expert kernels',
    text: `${rows} x ${mlp.expertsPerToken} x ${width} x ${base}`,
    bytes: rows * mlp.expertsPerToken * width * base,
  };
}

function keepsMixtureWorkspace(release: VllmRelease): boolean {
  return release.number >= 12;
}

/** VLLM_FUSED_MOE_CHUNK_SIZE of each release; gone in 0.18. */
function mixtureChunk(release: VllmRelease): number {
  if (release.number >= 16) return 16384;
  return release.number >= 6 ? 32768 : 65536;
}

function multiprocessors(hardware: HardwareRecord): number {
  return hardware.multiprocessors ?? facts.multiprocessorsUnknown.value;
}
