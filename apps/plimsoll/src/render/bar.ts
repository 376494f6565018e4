/** A device's memory as a stacked bar. The parts differ in shape and colour, for terminals without colours. */
import { paint, type Style } from './styled-text.ts';
import { terminalWidth } from './terminal.ts';

const widthMax = 72;

export interface BarPart {
  readonly label: string;
  readonly bytes: number;
  readonly glyph: string;
  readonly style: Style;
}

/**
 * Draws parts to scale on the columns of the terminal; a part above 0 bytes gets at least one column. Parts beyond the
 * capacity continue past a mark, so that a plan that does not fit is visible.
 */
export function renderBar(parts: readonly BarPart[], capacityBytes: number): string {
  const width = Math.min(widthMax, terminalWidth() - 4);
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
