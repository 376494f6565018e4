/** The architectures of llama.cpp that a ModelSpec can be made for, and the rules that their files leave unsaid. */
import table from './architectures.json' with { type: 'json' };

export interface SlidingRule {
  /** Of so many layers one sees everything; 0 = none does. */
  readonly period: number;
  /** The layer that sees everything is the first of the period, not the last. */
  readonly fullFirst?: boolean;
  /** Tokens, when the file states none. */
  readonly window?: number;
  /** Tokens, whatever the file states. */
  readonly fixedWindow?: number;
  /** Layers from here on read the cache of an earlier layer of their kind. */
  readonly ownKvLayers?: number;
}

export type ArchitectureRule =
  | { readonly reach: 'full' }
  | { readonly reach: 'sliding'; readonly rule: SlidingRule }
  /** The file itself lists which layers slide. */
  | { readonly reach: 'patterned' }
  | { readonly reach: 'chunked'; readonly period: number; readonly chunk: number }
  /** No cache: every token sees every other at once. */
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

/** Keys, without the architecture in front, that change no byte, or that say what the tensors say better. */
export const keysWithoutNeed: ReadonlySet<string> = new Set([
  ...table.withoutMemoryMeaning,
  ...table.readFromTensors,
]);

const merged: Readonly<Record<string, number>> = table.patchesMergedByProjector;

/** Patches along one side that a projector makes one token of, where its file does not say. */
export function patchesMerged(projector: string): number {
  return Object.hasOwn(merged, projector) ? (merged[projector] ?? 1) : 1;
}
