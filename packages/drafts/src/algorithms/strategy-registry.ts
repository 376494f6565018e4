/** The training algorithms by name, and the checks that hold for all of them. */
import type { SampleRef } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import type { StrategyInputs, StrategySpec, TrainableStrategy } from './strategy-spec.ts';

/** Published algorithms that are not implemented: a recipe that names one of them is told so. */
const reservedNames: ReadonlySet<string> = new Set(['p-eagle', 'dspark', 'dflash2', 'mtp']);

export class StrategyRegistry {
  readonly #specs = new Map<string, StrategySpec>();

  /** Throws `duplicate-strategy`, or `unknown-strategy` for a parent that is not registered. */
  register(spec: StrategySpec): this {
    if (this.#specs.has(spec.name))
      throw new PlimsollError({
        code: 'duplicate-strategy',
        message: `two strategies have the name ${spec.name}`,
        value: spec.name,
        hint: 'give each strategy its own name',
      });
    if (spec.parent !== null) this.need(spec.parent);
    this.#specs.set(spec.name, spec);
    return this;
  }

  get names(): readonly string[] {
    return [...this.#specs.keys()];
  }

  /** Throws `unknown-strategy`. */
  need(name: string): StrategySpec {
    const spec = this.#specs.get(name);
    if (spec !== undefined) return spec;
    const isReserved = reservedNames.has(name);
    throw new PlimsollError({
      code: 'unknown-strategy',
      message: isReserved
        ? `the strategy ${name} is not implemented; its name is reserved`
        : `there is no strategy ${name}`,
      value: name,
      limit: this.names.join(', '),
      hint: 'set strategy to a name of this list',
    });
  }

  /** Throws `unknown-strategy`, `bad-batch-size`, `missing-vocabulary-map`, `missing-target` or what the spec throws. */
  open(name: string, inputs: StrategyInputs): TrainableStrategy {
    const spec = this.need(name);
    if (spec.batchSize !== null && inputs.batchSize !== spec.batchSize)
      throw new PlimsollError({
        code: 'bad-batch-size',
        message: `${name} trains with a batch size of ${spec.batchSize}, not ${inputs.batchSize}`,
        value: inputs.batchSize,
        limit: spec.batchSize,
        hint: `set batchSize to ${spec.batchSize} and raise accumulation`,
      });
    if (spec.vocabulary === 'mapped' && inputs.vocabulary === null)
      throw new PlimsollError({
        code: 'missing-vocabulary-map',
        message: `${name} predicts a part of the target's vocabulary, and no map says which part`,
        value: 'null',
        limit: 'a vocabulary map',
        hint: 'count the tokens of the data set first, or keep the map of the checkpoint',
      });
    if (spec.features.some((feature) => feature.endsWith('_states')) && inputs.target === null)
      throw new PlimsollError({
        code: 'missing-target',
        message: `${name} trains against a target, and none is named`,
        value: 'null',
        limit: spec.features.join(', '),
        hint: 'name the target that the samples were captured from',
      });
    return spec.open(inputs);
  }

  /**
   * Checks stored samples before a run reads the first of them. Throws `foreign-strategy`, `foreign-sample-kind` or
   * `missing-feature`.
   */
  checkSamples(name: string, refs: readonly SampleRef[]): void {
    const spec = this.need(name);
    const readable = this.#ancestry(spec);
    for (const { sampleId, strategy, kind, features } of refs) {
      const refuse = (code: string, what: string, value: string, limit: string): never => {
        throw new PlimsollError({
          code,
          message: `sample ${sampleId} ${what}`,
          value,
          limit,
          hint: `capture the samples for ${name}`,
        });
      };
      if (!readable.includes(strategy))
        refuse('foreign-strategy', `was captured for ${strategy}`, strategy, readable.join(', '));
      if (kind !== spec.sampleKind) refuse('foreign-sample-kind', `is a ${kind}`, kind, spec.sampleKind);
      const missing = spec.features.find((feature) => !Object.hasOwn(features, feature));
      if (missing !== undefined)
        refuse('missing-feature', `lacks the feature ${missing}`, Object.keys(features).join(', '), missing);
    }
  }

  /** The names whose captures a strategy reads: its own and those of its ancestors. */
  #ancestry(spec: StrategySpec): readonly string[] {
    return spec.parent === null ? [spec.name] : [spec.name, ...this.#ancestry(this.need(spec.parent))];
  }
}
