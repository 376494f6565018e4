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

/** What a format is called: a name of the registry's, or as an engine says it. */
export function formatLabel({ formats }: Locale['words'], format: string): string {
  const known: Readonly<Record<string, string>> = formats;
  return known[format] ?? format;
}

/** What users were counted under. */
export function basisLabel({ holding }: Locale['words'], engine: string): string {
  const known: Readonly<Record<string, string>> = holding.bases;
  return known[engine] ?? engine;
}
