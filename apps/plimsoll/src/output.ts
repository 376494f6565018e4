/** Where everything the program prints goes through: text or JSON on stdout, messages on stderr. */
import { PlimsollError } from '@plimsoll/foundation';
import { CommanderError } from 'commander';

export function printText(text: string): void {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function printMessage(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** True when a person reads stdout: a terminal, and not told to be plain. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.CI === undefined;
}

/** Message on stderr; with --json also the error as JSON on stdout, so that a pipe always gets JSON. */
export function reportFailure(error: unknown, asJson: boolean): void {
  const failure = asFailure(error);
  if (asJson) printJson({ error: failure.toJSON() });
  const parts = [`plimsoll: ${failure.message}`];
  if (failure.limit !== undefined) parts.push(`  allowed: ${failure.limit}`);
  if (failure.hint !== undefined) parts.push(`  try: ${failure.hint}`);
  printMessage(parts.join('\n'));
}

function asFailure(error: unknown): PlimsollError {
  if (error instanceof PlimsollError) return error;
  if (error instanceof CommanderError) {
    return new PlimsollError({
      code: error.code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      message: error.message.replace(/^error: /, '').replace(/\n/g, ' '),
      hint: 'plimsoll --help',
    });
  }
  // Anything else is a defect of this program: show all there is.
  throw error;
}
