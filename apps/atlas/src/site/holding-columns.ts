/** Columns of a table of what holds what: the cells of held-cells.astro come after those of the page's own. */
import { formatTokens } from '@plimsoll/foundation';
import { fill, type Locale } from '../rendering/locale.ts';
import { amount, type Column } from './table-columns.ts';

export function holdingColumns(
  { holding }: Locale['words'],
  contexts: { readonly usual: number; readonly long: number | null },
): readonly Column[] {
  const shown = contexts.long === null ? [contexts.usual] : [contexts.usual, contexts.long];
  const users = shown.map((context) => fill(holding.users, { context: formatTokens(context) }));
  return [holding.needed, ...users].map((label) => amount(label));
}

/** The name of a format: the registry's, or the engine's. */
export function formatLabel({ formats }: Locale['words'], format: string): string {
  const known: Readonly<Record<string, string>> = formats;
  return known[format] ?? format;
}

/** The engine that the count of users assumes. */
export function basisLabel({ holding }: Locale['words'], engine: string): string {
  const known: Readonly<Record<string, string>> = holding.bases;
  return known[engine] ?? engine;
}
