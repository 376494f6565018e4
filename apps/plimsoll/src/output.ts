/**
 * All output of the program: text or JSON on stdout, messages on stderr. Only this file makes text from files,
 * arguments and servers harmless for a terminal.
 */
import { AssertionError, PlimsollError } from '@plimsoll/foundation';
import { CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { safeJson, safeLine, safeText } from './render/safe-text.ts';
import { plainText, terminalText } from './render/styled-text.ts';

export function printText(text: string): void {
  const shown = terminalText(text);
  process.stdout.write(shown.endsWith('\n') ? shown : `${shown}\n`);
}

export function printJson(value: unknown): void {
  process.stdout.write(`${safeJson(JSON.stringify(value, null, 2))}\n`);
}

export function printMessage(text: string): void {
  // Styles follow stdout (see paint), and stderr may be a file although stdout is a terminal.
  process.stderr.write(`${process.stderr.isTTY === true ? terminalText(text) : plainText(text)}\n`);
}

/**
 * Prints text from a model. On a terminal, control characters are made harmless. A file or another program gets the
 * unchanged text, as from other runners, because the reader may need every character.
 */
export function printGenerated(text: string): void {
  process.stdout.write(process.stdout.isTTY === true ? safeText(text) : text);
}

/** True if the program can ask questions: stdin and stdout are terminals, and the variable CI is not set. */
export function isInteractive(): boolean {
  return process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.CI === undefined;
}

/**
 * Prints an error to stderr and, with --json, as JSON to stdout, so that a pipe always gets JSON. `help` is the command
 * that prints the help about the command line.
 */
export function reportFailure(error: unknown, asJson: boolean, help = 'plimsoll --help'): void {
  const failure = asFailure(error, help);
  if (asJson) printJson({ error: failure.toJSON() });
  const parts = [`plimsoll: ${safeLine(failure.message)}`];
  if (failure.limit !== undefined) parts.push(`  allowed: ${safeLine(String(failure.limit))}`);
  if (failure.hint !== undefined) parts.push(`  try: ${safeLine(failure.hint)}`);
  // A defect also prints its stack.
  if (failure.code === defectCode && error instanceof Error) parts.push(error.stack ?? '');
  printMessage(parts.join('\n'));
}

/** The code of a defect of this program. */
const defectCode = 'internal-error';

function asFailure(error: unknown, help: string): PlimsollError {
  if (error instanceof PlimsollError) return withHelp(error, help);
  if (error instanceof CommanderError) {
    return new PlimsollError({
      code: error.code.replace(/^commander\./, '').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
      message: error.message.replace(/^error: /, '').replace(/\n/g, ' '),
      hint: help,
    });
  }
  return new PlimsollError({
    code: defectCode,
    message: `a defect of this program: ${described(error)}`,
    value: `plimsoll ${packageJson.version}, Node ${process.versions.node}, ${process.platform} ${process.arch}`,
    hint: 'report it with the command, the file it was given, and everything printed here',
  });
}

/** An error of the command line without a hint names the help. */
function withHelp(error: PlimsollError, help: string): PlimsollError {
  if (error.code !== 'bad-flag' || error.hint !== undefined) return error;
  return new PlimsollError({ ...error.toJSON(), hint: help }, { cause: error });
}

function described(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error instanceof AssertionError ? error.message : `${error.name}: ${error.message}`;
}
