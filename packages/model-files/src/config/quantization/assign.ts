/**
 * Gives every tensor its scheme from the checkpoint's quantisation. Layers with equal results stay the same object.
 * Norms, biases, embeddings, routers, convolutions, state parameters and vision towers are never quantised; the head
 * only if a rule names it.
 */
import { PlimsollError } from '@plimsoll/foundation';
import {
  elementCount,
  type LayerSpec,
  type QuantizationSpec,
  type TensorRole,
  type TensorSpec,
  type WeightScheme,
} from '../../model-spec.ts';
import { freezeLayer } from '../layers.ts';
import type { ModuleName } from './module-patterns.ts';
import { attentionRoles, feedForwardRoles, type QuantizationPlan, type QuantizationRule } from './plan.ts';

export interface QuantizableModel {
  readonly layers: readonly LayerSpec[];
  readonly tensors: readonly TensorSpec[];
  readonly predictionLayers: readonly LayerSpec[];
}

export interface QuantizedModel extends QuantizableModel {
  readonly quantization: QuantizationSpec;
}

/**
 * Limits characters of patterns times modules, and with it the time of a hostile list; real models stay below a tenth.
 */
const patternWorkMax = 3_000_000;
/** Matrices of a layer that the reader may test a pattern on. */
const modulesPerLayer = 20;

const linearRoles: ReadonlySet<TensorRole> = new Set([...attentionRoles, ...feedForwardRoles]);

export function assignSchemes(model: QuantizableModel, plan: QuantizationPlan): QuantizedModel {
  const rules = plan.customaryExclusions ? withCustom(model, plan.rules) : plan.rules;
  checkWork(model, rules);
  const hasExperts = model.layers.some((layer) => layer.mlp.kind === 'moe');
  const assigner = new Assigner(rules);
  const layers = model.layers.map((layer, index) =>
    assigner.layer(layer, index, { hasExperts, isPrediction: false }),
  );
  const predictionLayers = model.predictionLayers.map((layer, index) =>
    assigner.layer(layer, model.layers.length + index, { hasExperts, isPrediction: true }),
  );
  const tensors = model.tensors.map((tensor) => {
    const paths = [tensor.name.replace(/\.weight$/, ''), tensor.role === 'lm-head' ? 'lm_head' : tensor.name];
    return Object.freeze({ ...tensor, scheme: assigner.scheme(tensor, { paths, isOddLayer: false }) });
  });
  return { layers, predictionLayers, tensors, quantization: summary(plan, layers) };
}

/**
 * Adds customary exclusions for files without a list. Published mixtures of experts with latent attention quantise
 * their experts and leave the rest in the base type (DeepSeek and Kimi in NVFP4 and int4): the rest is small and
 * sensitive.
 */
function withCustom(
  model: QuantizableModel,
  rules: readonly QuantizationRule[],
): readonly QuantizationRule[] {
  const isLatentMixture = model.layers.some(
    (layer) =>
      layer.mlp.kind === 'moe' && (layer.attention.kind === 'mla' || layer.attention.kind === 'compressed'),
  );
  const isSmall = rules.some((rule) => rule.scheme !== null && !/8$/.test(rule.scheme.weights));
  if (!isLatentMixture || !isSmall) return rules;
  const rest = new Set([...linearRoles].filter((role) => !role.startsWith('expert-')));
  return [{ roles: rest, scheme: null }, ...rules];
}

function checkWork(model: QuantizableModel, rules: readonly QuantizationRule[]): void {
  const cost = rules.reduce((sum, rule) => sum + (rule.modules?.cost ?? 0), 0);
  const everyLayer = rules.some((rule) => rule.modules?.dependsOnLayer ?? false);
  const layers = everyLayer ? model.layers.length : new Set(model.layers).size;
  const work = cost * layers * modulesPerLayer;
  if (work <= patternWorkMax) return;
  throw new PlimsollError({
    code: 'bad-config',
    message: `the module patterns of quantization_config are too long for ${model.layers.length} layers`,
    value: work,
    limit: patternWorkMax,
    hint: 'list module names instead of patterns',
  });
}

interface LayerPlace {
  readonly hasExperts: boolean;
  readonly isPrediction: boolean;
}

class Assigner {
  readonly #rules: readonly QuantizationRule[];
  readonly #dependsOnLayer: boolean;
  readonly #done = new Map<LayerSpec, Map<string, LayerSpec>>();

  constructor(rules: readonly QuantizationRule[]) {
    this.#rules = rules;
    this.#dependsOnLayer = rules.some((rule) => rule.modules?.dependsOnLayer ?? false);
  }

  layer(layer: LayerSpec, index: number, place: LayerPlace): LayerSpec {
    const done = this.#done.get(layer) ?? new Map<string, LayerSpec>();
    this.#done.set(layer, done);
    const kind = place.isPrediction ? 'prediction' : 'layer';
    const always = done.get(kind);
    if (!this.#dependsOnLayer && always !== undefined) return always;
    const isOddLayer = place.isPrediction || (place.hasExperts && layer.mlp.kind !== 'moe');
    const schemes = layer.tensors.map((tensor) =>
      this.scheme(tensor, { paths: pathsOf(tensor, index, place.isPrediction), isOddLayer }),
    );
    const signature = this.#dependsOnLayer ? schemes.map((scheme) => this.#number(scheme)).join() : kind;
    const known = done.get(signature);
    if (known !== undefined) return known;
    const tensors = layer.tensors.map((tensor, at) => ({ ...tensor, scheme: schemes[at] ?? null }));
    const built = freezeLayer({ ...layer, tensors });
    done.set(signature, built);
    return built;
  }

  scheme(tensor: TensorSpec, module: ModuleName): WeightScheme | null {
    const isHead = tensor.role === 'lm-head';
    const isMatrix = tensor.shape.length >= 2 && !tensor.name.endsWith('bias');
    if (!isMatrix || !(isHead || linearRoles.has(tensor.role))) return null;
    for (const rule of this.#rules) {
      const isForHead = isHead && (rule.roles?.has('lm-head') || rule.modules !== undefined);
      if (isHead && !isForHead) continue;
      if (rule.roles !== undefined && !rule.roles.has(tensor.role)) continue;
      if (rule.modules === undefined || rule.modules.matches(module)) return rule.scheme;
    }
    return null;
  }

  #number(scheme: WeightScheme | null): number {
    return this.#rules.findIndex((rule) => rule.scheme === scheme);
  }
}

function pathsOf(tensor: TensorSpec, layer: number, isPrediction: boolean): readonly string[] {
  const module = tensor.name.replace(/\.weight$/, '');
  const names = module.includes('experts.') ? [module, module.replace('experts.', 'experts.0.')] : [module];
  const paths = names.map((name) => `layers.${layer}.${name}`);
  return isPrediction ? [...paths, ...names.map((name) => `mtp.layers.0.${name}`)] : paths;
}

/** Summarises a plan by the scheme with the most elements. */
function summary(plan: QuantizationPlan, layers: readonly LayerSpec[]): QuantizationSpec {
  const elements = new Map<WeightScheme, number>();
  for (const layer of layers) {
    for (const tensor of layer.tensors) {
      if (tensor.scheme == null) continue;
      elements.set(tensor.scheme, (elements.get(tensor.scheme) ?? 0) + elementCount(tensor));
    }
  }
  const listed = plan.rules.map((rule) => rule.scheme).filter((scheme) => scheme !== null);
  const main = [...elements].sort((left, right) => right[1] - left[1])[0]?.[0] ?? listed[0];
  return {
    method: plan.method,
    weights: main?.weights ?? 'fp8',
    groupSize: main?.groupSize ?? null,
    blockShape: main?.blockShape ?? null,
    zeroPoints: main?.zeroPoints ?? false,
    unquantized: plan.unquantized,
    kvCache: plan.kvCache,
    inferred: plan.inferred,
  };
}
