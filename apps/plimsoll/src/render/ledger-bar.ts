/** The categories of a ledger as parts of a bar: their order, characters and colours. */
import type { Ledger, LedgerCategory } from '@plimsoll/planner/ledger';
import { type BarPart, renderBar } from './bar.ts';

export const barLooks: Readonly<Record<LedgerCategory, Pick<BarPart, 'glyph' | 'style'>>> = {
  weights: { glyph: '█', style: 'blue' },
  'kv-cache': { glyph: '▓', style: 'green' },
  state: { glyph: '▓', style: 'cyan' },
  activations: { glyph: '▒', style: 'yellow' },
  workspace: { glyph: '▒', style: 'yellow' },
  draft: { glyph: '▒', style: 'magenta' },
  features: { glyph: '▒', style: 'magenta' },
  runtime: { glyph: '░', style: 'red' },
  headroom: { glyph: '╌', style: 'dim' },
};

/** Order of the bar, left to right: fixed bytes, bytes of users, headroom. */
export const barOrder: readonly LedgerCategory[] = [
  'weights',
  'draft',
  'activations',
  'workspace',
  'runtime',
  'kv-cache',
  'state',
  'features',
  'headroom',
];

/** Returns a part for every category with bytes. */
export function ledgerParts(bytesOf: (category: LedgerCategory) => number): readonly BarPart[] {
  return barOrder.flatMap((category): BarPart[] => {
    const total = bytesOf(category);
    return total === 0 ? [] : [{ label: category, bytes: total, ...barLooks[category] }];
  });
}

/** Draws the bytes of a ledger as a bar, by category, against the limit. */
export function renderLedgerBar({ entries }: Ledger, limitBytes: number): string {
  const parts = ledgerParts((category) =>
    entries.reduce((sum, entry) => sum + (entry.category === category ? entry.bytes : 0), 0),
  );
  return renderBar(parts, limitBytes);
}
