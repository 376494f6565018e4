/** Runs a benchmark's program: a PlimsollError becomes a message and exit code 1; any other error is a defect. */
import { PlimsollError } from '@plimsoll/foundation';

export async function runBenchmark(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!(error instanceof PlimsollError)) throw error;
    process.stderr.write(`${error.message}\n  needs: ${error.limit ?? ''}\n  ${error.hint ?? ''}\n`);
    process.exitCode = 1;
  }
}
