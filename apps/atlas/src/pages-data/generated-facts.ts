/**
 * One to three sentences of the planner about each model and device, for search and the terminal. The answers are those of
 * their pages, for the model and the device of the reference case.
 */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { modelSpecFromRecord } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { usualEngine } from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import type { HardwareRecord } from '@plimsoll/registry';
import type { Registry } from '@plimsoll/registry/portable';
import { contextsShown, holdingOf } from '../facts/capacity-grid.ts';
import { referenceHardware, referenceModel, referencePlan, weightBytes } from '../numbers/reference-case.ts';

/** Record id (`model.openai/gpt-oss-20b`, `hardware.h100-sxm-80gb`) -> sentences. */
export function generatedFacts(registry: Registry): ReadonlyMap<string, readonly string[]> {
  const specOf = (id: string): ModelSpec => modelSpecFromRecord(registry.resolveModel(id));
  const card = registry.resolveHardware(referenceHardware);
  const model = specOf(referenceModel);
  const ofModels = registry
    .listModels()
    .map(({ id }) => [`model.${id}`, modelFacts(specOf(id), card)] as const);
  const ofHardware = registry.listHardware().map(({ id }) => {
    const device = registry.resolveHardware(id);
    const fact = holdingFact(model, device, {
      model: 'Llama 3.1 8B in 16 bits',
      one: 'One of these',
      many: (count) => `${count} of these`,
    });
    return [`hardware.${id}`, [fact]] as const;
  });
  return new Map([...ofModels, ...ofHardware]);
}

function modelFacts(spec: ModelSpec, card: HardwareRecord): readonly string[] {
  const plan = referencePlan({ model: spec.id });
  const context = formatCount(plan.workload.contextTokens);
  return [
    `Weights of ${weightBytes(plan).text}, as the checkpoint has them.`,
    `A conversation of ${context} tokens holds ${formatBytes(plan.capacity.bytesPerUser)} of cache.`,
    holdingFact(spec, card, { model: 'it', one: 'One H100', many: (count) => `${count} H100s` }),
  ];
}

/** The fewest devices that serve a model, and the count of users. */
function holdingFact(
  spec: ModelSpec,
  device: HardwareRecord,
  words: { readonly model: string; readonly one: string; readonly many: (count: number) => string },
): string {
  const holding = holdingOf(spec, device);
  if (holding === null) {
    // Tensor parallelism joins only devices that vLLM runs on.
    const together = engineFace(usualEngine(device)).loads === 'checkpoints' ? ', nor do eight together' : '';
    return `${words.one} does not hold ${words.model}${together}.`;
  }
  const { devices, usersUsual, engine } = holding;
  const subject = devices === 1 ? `${words.one} serves` : `${words.many(devices)} together serve`;
  const context = formatCount(Math.min(contextsShown.usual, spec.contextLength));
  const users =
    usersUsual === 1
      ? `1 user at ${context} tokens`
      : `${formatCount(usersUsual)} users at ${context} tokens each`;
  const { title } = engineFace(engine);
  const under = title === null ? 'before an engine takes its share' : `under ${title} with its defaults`;
  return `${subject} ${words.model} to ${users}, ${under}.`;
}
