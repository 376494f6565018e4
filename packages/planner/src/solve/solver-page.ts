/** The page docs/solvers.md, written from the definitions of the solvers. */

import type { OutputSpec, Solver } from './solver.ts';
import { flagOf, rangeText } from './solver-inputs.ts';

/** Returns the Markdown of every solver: inputs, outputs, formula, limits, sources, example. */
export function solverPage(solvers: readonly Solver[]): string {
  return [introduction, index(solvers), ...solvers.map(section)].join('\n\n');
}

const introduction = `# Solvers

\`plimsoll solve NAME\` answers one question with a closed form or a small search. Bytes and step seconds come from the planner:
the same model, device, engine and formats give the same figures as \`plimsoll plan\`. \`--json\` prints inputs, outputs and
rows in base units (\`plimsoll schema solve\`); \`@plimsoll/planner/solve\` is the library. The definitions of the solvers
write this page.

Exit codes: 0 ok, 1 bad input or a queue that grows without end, 2 nothing meets the limits.`;

function index(solvers: readonly Solver[]): string {
  return table(
    ['solver', ''],
    solvers.map(({ name, summary }) => [`[${name}](#${name})`, summary]),
  );
}

function section(solver: Solver): string {
  const { name, summary, inputs, outputs, columns, formula, limits, sources, example } = solver;
  return [
    `## ${name}`,
    `Answers: ${summary}.${subject(solver)}`,
    `\`\`\`\nplimsoll solve ${name} ${example}\n\`\`\``,
    table(
      ['input', 'unit', 'default', 'allowed', ''],
      Object.entries(inputs).map(([input, spec]) => [
        `\`${flagOf(input)}\``,
        spec.kind === 'choice' ? 'choice' : spec.unit,
        spec.default === null ? '' : String(spec.default),
        rangeText(spec),
        spec.words,
      ]),
    ),
    outputTable('output', outputs),
    ...(columns === null ? [] : [outputTable('column', columns)]),
    `Formula:\n\n${list(formula)}`,
    `Limits:\n\n${list(limits)}`,
    `Sources:\n\n${list(sources)}`,
  ].join('\n\n');
}

function subject({ needs }: Solver): string {
  const flags = [
    needs.includes('replica') ? 'a model and `--gpu`' : '',
    needs.includes('draft') ? '`--draft`' : '',
    needs.includes('decode-device') ? 'optionally `--decode-gpu`' : '',
  ].filter((flag) => flag !== '');
  return flags.length === 0 ? '' : ` Takes ${flags.join(', ')}.`;
}

function outputTable(title: string, specs: Readonly<Record<string, OutputSpec>>): string {
  return table(
    [title, 'unit', ''],
    Object.entries(specs).map(([name, { unit, words }]) => [`\`${name}\``, unit, words]),
  );
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}
