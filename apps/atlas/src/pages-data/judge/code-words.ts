/** Compares the names in a page's code with its words: exercises, inputs of cells, columns. */
import { type ContentProblem, nearestHint } from '@plimsoll/registry/pages';
import type { PageCode } from '../read/page-code.ts';
import type { Page } from '../read/page-reader.ts';

export function codeWordProblems(page: Page, code: PageCode): readonly ContentProblem[] {
  return [...exerciseProblems(page, code.exercises), ...cellProblems(page, code.cells)];
}

/** Every exercise has a key, every key its exercise; an answer to choose is one of the choices. */
function exerciseProblems(page: Page, keys: PageCode['exercises']): readonly ContentProblem[] {
  const words = page.messages.exercises ?? {};
  const exercises = `${page.folder}/exercises.ts`;
  const problems = mismatches(Object.keys(words), Object.keys(keys), {
    wordsFile: `${page.folder}/messages/en.json`,
    wordsKey: 'exercises',
    codeFile: exercises,
  });
  for (const [id, key] of Object.entries(keys)) {
    const choices = Object.keys(words[id]?.choices ?? {});
    if (key.kind === 'choice' && words[id] !== undefined && !choices.includes(key.value)) {
      const problem = `"${key.value}" is none of its choices${nearestHint(key.value, choices)}`;
      problems.push({ file: exercises, key: id, problem });
    }
    if (key.kind === 'number' && choices.length > 0) {
      const file = `${page.folder}/messages/en.json`;
      const problem = 'the answer is a number: there is nothing to choose';
      problems.push({ file, key: `exercises.${id}.choices`, problem });
    }
  }
  return problems;
}

/** Every input and column of a cell has a label, and every such label has its input, choice or column. */
function cellProblems(page: Page, cells: PageCode['cells']): readonly ContentProblem[] {
  const file = `${page.folder}/messages/en.json`;
  const problems: ContentProblem[] = [];
  for (const [id, { inputs, output }] of cells) {
    const words = page.messages.cells?.[id];
    if (words === undefined) continue;
    const key = `cells.${id}`;
    const place = { wordsFile: file, wordsKey: `${key}.inputs`, codeFile: `${page.folder}/cells/${id}.ts` };
    problems.push(...mismatches(Object.keys(words.inputs ?? {}), Object.keys(inputs), place));
    for (const [name, input] of Object.entries(inputs)) {
      const options = input.kind === 'choice' ? input.options : [];
      for (const choice of Object.keys(words.inputs?.[name]?.choices ?? {})) {
        if (options.includes(choice)) continue;
        const problem = `is no option of this input${nearestHint(choice, options)}`;
        problems.push({ file, key: `${key}.inputs.${name}.choices.${choice}`, problem });
      }
    }
    const labels = Object.keys(words.labels ?? {});
    const shown = [...output.columns.map(({ name }) => name), ...(output.chart?.mark ? ['mark'] : [])];
    for (const name of shown.filter((label) => !labels.includes(label))) {
      problems.push({
        file,
        key: `${key}.labels.${name}`,
        problem: `is missing${nearestHint(name, labels)}`,
      });
    }
  }
  return problems;
}

function mismatches(
  words: readonly string[],
  names: readonly string[],
  place: { readonly wordsFile: string; readonly wordsKey: string; readonly codeFile: string },
): ContentProblem[] {
  const { wordsFile, wordsKey, codeFile } = place;
  const silent = names
    .filter((name) => !words.includes(name))
    .map((name) => ({
      file: wordsFile,
      key: `${wordsKey}.${name}`,
      problem: `is missing, and ${codeFile} has it${nearestHint(name, words)}`,
    }));
  const strange = words
    .filter((word) => !names.includes(word))
    .map((word) => ({
      file: wordsFile,
      key: `${wordsKey}.${word}`,
      problem: `is not in ${codeFile}${nearestHint(word, names)}`,
    }));
  return [...silent, ...strange];
}
