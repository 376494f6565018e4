/** Blocks of messages as HTML: paragraphs, lists, steps, tables and formulas. */

import { escapeHtml } from '../html/escape-html.ts';
import type { Block } from '../pages-data/read/messages-schema.ts';
import { type InlineContext, inlineHtml } from './inline-html.ts';

export function blocksHtml(blocks: readonly Block[], context: InlineContext): string {
  return blocks.map((block) => blockHtml(block, context)).join('\n');
}

function blockHtml(block: Block, context: InlineContext): string {
  if (typeof block === 'string') return `<p>${inlineHtml(block, context)}</p>`;
  if (Array.isArray(block)) return listHtml('ul', block, context);
  if ('steps' in block) return listHtml('ol', block.steps, context);
  if ('table' in block) return tableHtml(block.table, context);
  return formulaHtml(block, context);
}

function listHtml(tag: 'ul' | 'ol', items: readonly string[], context: InlineContext): string {
  return `<${tag}>${items.map((item) => `<li>${inlineHtml(item, context)}</li>`).join('')}</${tag}>`;
}

interface Table {
  readonly caption: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The first cell of a row names it. Wide tables scroll in a box of their own, which the keyboard reaches. */
function tableHtml({ caption, head, rows }: Table, context: InlineContext): string {
  const cells = (row: readonly string[]): string =>
    row
      .map((cell, index) => {
        const html = inlineHtml(cell, context);
        return index === 0 ? `<th scope="row">${html}</th>` : `<td>${html}</td>`;
      })
      .join('');
  const heads = head.map((cell) => `<th scope="col">${inlineHtml(cell, context)}</th>`).join('');
  const body = rows.map((row) => `<tr>${cells(row)}</tr>`).join('');
  return `<div class="table" role="region" tabindex="0" aria-label="${escapeHtml(caption)}"><table><caption>${inlineHtml(caption, context)}</caption><thead><tr>${heads}</tr></thead><tbody>${body}</tbody></table></div>`;
}

interface Formula {
  readonly formula: string;
  readonly where?: Readonly<Record<string, string>> | undefined;
}

function formulaHtml({ formula, where = {} }: Formula, context: InlineContext): string {
  const terms = Object.entries(where).map(
    ([term, meaning]) => `<dt>${escapeHtml(term)}</dt><dd>${inlineHtml(meaning, context)}</dd>`,
  );
  const list = terms.length > 0 ? `<dl>${terms.join('')}</dl>` : '';
  return `<div class="formula"><p>${inlineHtml(formula, context)}</p>${list}</div>`;
}
