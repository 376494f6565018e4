/**
 * Checks that other programs perform. They run in parallel as processes of their own, with the Node that runs this one:
 * a tool's own start line would use the first Node on the PATH.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Check } from './project.ts';

export interface Command {
  readonly name: string;
  /** The tool's JavaScript file, relative to the root: `node_modules/knip/bin/knip.js`. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** The command that fixes the problems which the program can fix itself. */
  readonly repair?: string;
}

/** A check that passes if the program exits with 0; otherwise its whole output is the problem. */
export function commandCheck(command: Command): Check {
  return {
    name: command.name,
    run: async ({ root }) => {
      const { output, ending } = await runProgram(root, command);
      if (ending === 'exit code 0') return [];
      const text = stripVTControlCharacters(output).trimEnd();
      const repair = command.repair === undefined ? '' : `; to mend what it can: ${command.repair}`;
      return [...(text === '' ? [] : text.split('\n')), `${command.program} ended with ${ending}${repair}`];
    },
  };
}

/** Runs a program of node_modules; returns its whole output and how it ended: `exit code 0`. */
export function runProgram(
  root: string,
  command: Pick<Command, 'program' | 'arguments'>,
): Promise<{ output: string; ending: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [join(root, command.program), ...command.arguments], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0' },
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const ending = code === null ? `signal ${signal}` : `exit code ${code}`;
      resolve({ output: Buffer.concat(chunks).toString('utf8'), ending });
    });
  });
}
