/** The head of a table of what holds what: its cells are those of held-cells.astro, after two of the page's own. */
import { formatTokens } from '@plimsoll/foundation';
import { fill, type Locale } from './locale.ts';

export function holdingHead(
  { holding }: Locale['words'],
  own: readonly [name: string, amount: string],
  contexts: readonly number[],
): readonly string[] {
  const [name, amount] = own;
  const users = contexts.map((context) => fill(holding.users, { context: formatTokens(context) }));
  return [name, ...[amount, holding.needed, ...users].map((label) => `>${label}`), holding.basis];
}
