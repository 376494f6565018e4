/** The architectures of llama.cpp that a ModelSpec can describe, and the rules that their files do not state. */
import table from './architectures.json' with { type: 'json' };

export interface SlidingRule {
  /** One layer in `period` layers has full attention; 0 = no layer has. */
  readonly period: number;
  /** True if the full-attention layer is the first of its period; otherwise it is the last. */
  readonly fullFirst?: boolean;
  /** Window in tokens if the file states none. */
  readonly window?: number;
  /** Window in tokens that overrides the file. */
  readonly fixedWindow?: number;
  /** Number of layers with their own cache; each later layer reads the cache of an earlier layer of its kind. */
  readonly ownKvLayers?: number;
}

export type ArchitectureRule =
  | { readonly reach: 'full' }
  | { readonly reach: 'sliding'; readonly rule: SlidingRule }
  /** The file lists the layers with a sliding window. */
  | { readonly reach: 'patterned' }
  | { readonly reach: 'chunked'; readonly period: number; readonly chunk: number }
  /** No cache: every token attends to every token at once. */
  | { readonly reach: 'encoder' };

const rules = new Map<string, ArchitectureRule>();
for (const name of table.plain) rules.set(name, { reach: 'full' });
for (const name of table.patterned) rules.set(name, { reach: 'patterned' });
for (const name of table.encoders) rules.set(name, { reach: 'encoder' });
for (const [name, rule] of Object.entries(table.sliding)) rules.set(name, { reach: 'sliding', rule });
for (const [name, rule] of Object.entries(table.chunked)) rules.set(name, { reach: 'chunked', ...rule });

export function architectureRule(name: string): ArchitectureRule | undefined {
  return rules.get(name);
}

export const architectureNames: readonly string[] = [...rules.keys()].sort();

/** Keys, without the architecture prefix, that affect no byte, or whose value the tensors give more exactly. */
export const keysWithoutNeed: ReadonlySet<string> = new Set([
  ...table.withoutMemoryMeaning,
  ...table.readFromTensors,
]);

const merged: Readonly<Record<string, number>> = table.patchesMergedByProjector;

/** Returns the patches per side that a projector merges into one token, for files that do not state the number. */
export function patchesMerged(projector: string): number {
  return Object.hasOwn(merged, projector) ? (merged[projector] ?? 1) : 1;
}
