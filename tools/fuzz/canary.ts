/** Deliberate faults, so that a test sees the fuzzer report them. */
import { assert, MiB } from '@plimsoll/foundation';

export async function provokedTrial(fault: string): Promise<string> {
  switch (fault) {
    case 'assertion':
      assert(false, 'provoked');
      break;
    case 'hang':
      for (;;);
    case 'late':
      setTimeout(() => {
        throw new Error('provoked late');
      }, 0);
      await new Promise((resolve) => setTimeout(resolve, 1000));
      break;
    case 'exit':
      process.exit(7);
      break;
    case 'memory': {
      const kept = Array.from({ length: 600 }, () => new Uint8Array(MiB).fill(1));
      return kept.length > 0 ? 'ok' : 'none';
    }
    default:
      assert(false, `there is no fault "${fault}"`);
  }
  return 'ok';
}
