/**
 * Writes docs/plan.svg: a real plan as a terminal shows it, for the README. Run it after the output changes:
 *   node tools/terminal-picture.ts
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const command = ['plan', 'meta-llama/Llama-3.1-8B-Instruct', '--gpu', 'h100', '--context', '128k'];

const characterWidth = 8.4;
const lineHeight = 19;
const padding = 20;

/** Colours of the SGR codes that the program uses, legible on the dark ground below. */
const colours: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '34': '#79c0ff',
  '35': '#d2a8ff',
  '36': '#56d4dd',
};

interface Span {
  readonly text: string;
  readonly style: string;
}

function spansOf(line: string): readonly Span[] {
  const spans: Span[] = [];
  let colour = '#e6edf3';
  let weight = '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character.
  for (const part of line.split(/(\u001b\[[0-9;]*m)/)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    const code = /^\u001b\[([0-9;]*)m$/.exec(part)?.[1];
    if (code === undefined) {
      if (part !== '') spans.push({ text: part, style: `fill="${colour}"${weight}` });
    } else if (code === '1') weight = ' font-weight="bold"';
    else if (code === '2') colour = '#7d8590';
    else if (code === '22') [weight, colour] = ['', '#e6edf3'];
    else colour = colours[code] ?? '#e6edf3';
  }
  return spans;
}

function escapeMarkup(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Places each span by column, so that block characters line up in any font. */
function svgLine(line: string, row: number): string {
  let column = 0;
  const y = padding + (row + 1) * lineHeight - 5;
  return spansOf(line)
    .map(({ text, style }) => {
      const x = padding + column * characterWidth;
      const length = text.length * characterWidth;
      column += text.length;
      return `<text x="${x.toFixed(1)}" y="${y}" textLength="${length.toFixed(1)}" lengthAdjust="spacingAndGlyphs" xml:space="preserve" ${style}>${escapeMarkup(text)}</text>`;
    })
    .join('');
}

const program = spawnSync(process.execPath, [`${root}/apps/plimsoll/bin/plimsoll.js`, ...command], {
  encoding: 'utf8',
  env: { ...process.env, FORCE_COLOR: '1' },
});
const lines = [`$ plimsoll ${command.join(' ')}`, '', ...program.stdout.trimEnd().split('\n')];
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with a control character.
const columns = Math.max(...lines.map((line) => line.replaceAll(/\u001b\[[0-9;]*m/g, '').length));
const width = Math.ceil(columns * characterWidth + 2 * padding);
const height = lines.length * lineHeight + 2 * padding;
const svg = [
  `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14" role="img" aria-label="A plan in the terminal">`,
  `<rect width="100%" height="100%" rx="10" fill="#0d1117"/>`,
  ...lines.map(svgLine),
  '</svg>',
];
writeFileSync(`${root}/docs/plan.svg`, `${svg.join('\n')}\n`);
