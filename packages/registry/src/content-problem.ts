/**
 * A mistake in a record or a page, described so that a writer can fix it without reading code: the file, the key, the
 * problem and the nearest valid value. Readers collect all problems before they throw, because a writer wants the whole
 * list at once.
 */
import { PlimsollError } from '@plimsoll/foundation';

export interface ContentProblem {
  /** Path from the repository's root, with forward slashes. */
  readonly file: string;
  /** Place inside the file, such as `related[1]` or `sections.what-it-is.body[0]`; empty for the whole file. */
  readonly key: string;
  /** The problem, with the nearest valid value if there is one. */
  readonly problem: string;
}

export function formatContentProblem({ file, key, problem }: ContentProblem): string {
  return key === '' ? `${file}: ${problem}` : `${file}: ${key}: ${problem}`;
}

/** Throws one error that lists every problem; returns if the list is empty. */
export function refuseContentProblems(problems: readonly ContentProblem[]): void {
  const [first] = problems;
  if (first === undefined) return;
  throw new PlimsollError({
    code: 'bad-content',
    message: problems.map(formatContentProblem).join('\n'),
    value: first.file,
    hint: 'mend these files; `node tools/check.ts` says when they are right',
  });
}
