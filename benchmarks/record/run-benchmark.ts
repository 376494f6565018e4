/** Runs a benchmark's program: what it refuses is a message and exit code 1, anything else is a defect. */
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
