/** What the page of a device says beyond its record: which models it holds, largest first. */
import type { HardwareRecord } from '@plimsoll/registry';
import type { Holding } from './capacity-grid.ts';
import type { ModelEntry, RegistryFacts } from './registry-facts.ts';

export interface HeldModel {
  readonly model: ModelEntry;
  /** Null where not even eight of the device are enough. */
  readonly holding: Holding | null;
}

export interface HardwareFacts {
  /** Models many people know, whether or not they fit. */
  readonly wellKnown: readonly HeldModel[];
  /** Every other model that fits on one. */
  readonly others: readonly HeldModel[];
  readonly modelCount: number;
}

/** One of each size and kind that people ask about; the registry has them all. */
export const wellKnownModels: readonly string[] = [
  'Qwen/Qwen3-0.6B',
  'meta-llama/Llama-3.2-3B-Instruct',
  'meta-llama/Llama-3.1-8B-Instruct',
  'Qwen/Qwen3-8B',
  'google/gemma-3-27b-it',
  'openai/gpt-oss-20b',
  'Qwen/Qwen3-32B',
  'Qwen/Qwen3-30B-A3B',
  'meta-llama/Llama-3.3-70B-Instruct',
  'openai/gpt-oss-120b',
  'Qwen/Qwen3-235B-A22B',
  'meta-llama/Llama-3.1-405B',
  'deepseek-ai/DeepSeek-V3',
];

export function hardwareFacts(device: HardwareRecord, facts: RegistryFacts): HardwareFacts {
  const held = facts.models.map((model) => ({ model, holding: facts.holding(model, device) }));
  const isWellKnown = ({ model }: HeldModel): boolean => wellKnownModels.includes(model.row.id);
  const bySize = (left: HeldModel, right: HeldModel): number => parametersOf(right) - parametersOf(left);
  return {
    wellKnown: held.filter(isWellKnown).sort((left, right) => bySize(right, left)),
    others: held.filter((entry) => !isWellKnown(entry) && entry.holding?.devices === 1).sort(bySize),
    modelCount: facts.models.length,
  };
}

function parametersOf({ model }: HeldModel): number {
  return model.row.parameters ?? 0;
}
