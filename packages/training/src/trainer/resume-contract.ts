/** What must be equal in a run and in the checkpoint that it resumes, so that both are one run. */
import { PlimsollError } from '@plimsoll/foundation';

/** Batch size, accumulation, planned steps, algorithm, hashes of target, data and vocabulary map: by their names. */
export type ResumeContract = Readonly<Record<string, string | number | boolean | null>>;

/** Throws `resume-contract-changed` with the first field that differs. */
export function checkResume(saved: ResumeContract, current: ResumeContract): void {
  for (const field of [...new Set([...Object.keys(saved), ...Object.keys(current)])].toSorted()) {
    const [before, now] = [saved[field], current[field]];
    if (before === now) continue;
    throw new PlimsollError({
      code: 'resume-contract-changed',
      message: `${field} is ${text(now)} in this run and ${text(before)} in the checkpoint`,
      value: text(now),
      limit: text(before),
      hint: `set ${field} to ${text(before)}, or begin a new run from the checkpoint's weights`,
    });
  }
}

function text(value: ResumeContract[string] | undefined): string {
  return value === undefined ? 'absent' : String(value);
}
