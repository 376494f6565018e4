/** Renders a page of the atlas for the terminal: summary, facts, link, and other matching pages. */
import { renderTable } from './table.ts';
import { fitLines, proseWidth, wrapText } from './terminal.ts';

export interface Explanation {
  readonly title: string;
  /** Paragraphs. */
  readonly summary: readonly string[];
  readonly facts: readonly string[];
  readonly link: string;
  readonly others: readonly { readonly title: string; readonly link: string }[];
}

export function renderExplanation({ title, summary, facts, link, others }: Explanation): string {
  const width = proseWidth();
  const sections = [title, ...summary.map((paragraph) => wrapText(paragraph, { width }))];
  if (facts.length > 0) {
    sections.push(facts.map((fact) => wrapText(fact, { width, first: '  - ', rest: '    ' })).join('\n'));
  }
  sections.push(`Read on: ${link}\n         (served by \`npm start\`)`);
  if (others.length > 0) {
    const rows = others.map((other) => [`  ${other.title}`, other.link]);
    sections.push(`See also:\n${fitLines(renderTable(rows, ['left', 'left']))}`);
  }
  return sections.join('\n\n');
}
