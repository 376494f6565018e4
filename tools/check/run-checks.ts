/** Runs the checks in parallel and reports each result. */
import { setImmediate } from 'node:timers/promises';
import type { Check, Project, Remark } from './project.ts';

export interface CheckResult {
  readonly name: string;
  readonly problems: readonly string[];
  /** Notes that do not fail the check. */
  readonly remarks: readonly string[];
  readonly milliseconds: number;
}

/** Starts all checks at once; results keep the order of the checks. A check that throws fails with its error. */
export function runChecks(
  checks: readonly Check[],
  project: Project,
  report: (result: CheckResult) => void,
): Promise<readonly CheckResult[]> {
  const runOne = async (check: Check): Promise<CheckResult> => {
    // Each check starts in its own turn of the event loop, so that the time of a synchronous check excludes later
    // checks.
    await setImmediate();
    const start = performance.now();
    const remarks: string[] = [];
    const problems = await runSafely(check, project, (text) => remarks.push(text));
    const result = { name: check.name, problems, remarks, milliseconds: performance.now() - start };
    report(result);
    return result;
  };
  return Promise.all(checks.map(runOne));
}

async function runSafely(check: Check, project: Project, remark: Remark): Promise<readonly string[]> {
  try {
    return await check.run(project, remark);
  } catch (error) {
    return [`the check itself failed: ${describeError(error)}`];
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Formats `ok    biome            0.61 s`, followed by indented problems and remarks. */
export function formatResult({ name, problems, remarks, milliseconds }: CheckResult): string {
  const head = `${problems.length === 0 ? 'ok  ' : 'FAIL'}  ${name.padEnd(18)}${(milliseconds / 1000).toFixed(2)} s`;
  const lines = [head, ...[...problems, ...remarks.map((remark) => `note: ${remark}`)].map(indented)];
  return `${lines.join('\n')}\n`;
}

function indented(line: string): string {
  return `      ${line}`;
}
