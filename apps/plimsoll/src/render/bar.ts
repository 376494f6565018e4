/** The load line: a device's memory as one stacked bar. Shapes differ as well as colours, for terminals without them. */
import { paint, type Style } from './styled-text.ts';

export interface BarPart {
  readonly label: string;
  readonly bytes: number;
  readonly glyph: string;
  readonly style: Style;
}

/**
 * Draws parts to scale on `width` columns; a part that exists gets at least one column. What exceeds the capacity runs
 * past the mark, so that a plan that does not fit looks like one.
 */
export function renderBar(parts: readonly BarPart[], capacityBytes: number, width: number): string {
  const used = parts.reduce((sum, part) => sum + part.bytes, 0);
  const scale = width / Math.max(capacityBytes, used);
  const mark = Math.round(capacityBytes * scale);
  let columns = '';
  let drawn = 0;
  let exact = 0;
  for (const part of parts) {
    if (part.bytes <= 0) continue;
    exact += part.bytes * scale;
    const count = Math.max(1, Math.round(exact) - drawn);
    columns += paint(part.style, part.glyph.repeat(count));
    drawn += count;
  }
  if (used <= capacityBytes) return `${columns}${paint('dim', '·'.repeat(Math.max(0, width - drawn)))}│`;
  return `${columns}\n${' '.repeat(Math.max(0, mark - 1))}${paint('red', '▲')} capacity`;
}
