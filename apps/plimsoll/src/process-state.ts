/** Whether other processes run, for locks that name their owner. */
import { systemErrorCode } from '@plimsoll/foundation/system-error';

/** Returns true if a process has this id. A process of another user counts: the system only forbids to send it a signal. */
export function isProcessRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) === 'EPERM';
  }
}
