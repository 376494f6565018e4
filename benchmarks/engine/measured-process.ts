/**
 * An engine under measurement: a separate process that loads the model and waits. It prints one line of JSON when it is
 * ready and one line for every prompt, so that several engines can take turns on an idle machine:
 *
 *   argv: model file, settings        -> {"name", "version", "loadSeconds"}
 *   {"prompt": [ids], "decode": n}    -> {"prefillSeconds", "decodeSeconds", "tokens": [1 + n ids]}
 *
 * Prefill ends with the first sampled token; decode is the time from there to the last of n further tokens. All engines
 * are greedy, start from an empty cache, and never stop at an end token.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface EngineSettings {
  readonly threads: number;
  readonly context: number;
  /** Prompt tokens in one pass. */
  readonly batch: number;
}

export interface EngineReady {
  readonly name: string;
  readonly version: string;
  /** From opening the file to being ready for a prompt, without starting the process. */
  readonly loadSeconds: number;
}

export interface Measurement {
  readonly prefillSeconds: number;
  readonly decodeSeconds: number;
  readonly tokens: readonly number[];
}

export interface MeasuredProcess {
  readonly ready: EngineReady;
  measure(prompt: readonly number[], decode: number): Promise<Measurement>;
  close(): Promise<void>;
}

/** A program that follows the protocol above. */
export interface EngineProgram {
  readonly command: string;
  readonly arguments: readonly string[];
}

/** Starts an engine and waits until it has loaded the model. If it ends early, throws its error output. */
export async function startMeasured(
  program: EngineProgram,
  modelPath: string,
  settings: EngineSettings,
): Promise<MeasuredProcess> {
  const child: ChildProcessWithoutNullStreams = spawn(program.command, [
    ...program.arguments,
    modelPath,
    JSON.stringify(settings),
  ]);
  let complaint = '';
  child.stderr.on('data', (chunk: Buffer) => {
    complaint = (complaint + chunk.toString()).slice(-8192);
  });
  child.on('error', (error) => {
    complaint += error.message;
  });
  // Writing to an ended process fails; the missing answer reports it.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    while (true) {
      const { value, done } = await lines.next();
      if (done === true) throw new Error(lastWords(complaint));
      // Libraries print to standard output too.
      if (value.startsWith('{')) return JSON.parse(value);
    }
  };
  return {
    ready: (await answer()) as EngineReady,
    measure: async (prompt, decode) => {
      child.stdin.write(`${JSON.stringify({ prompt, decode })}\n`);
      return (await answer()) as Measurement;
    },
    close: async () => {
      child.stdin.end();
      if (child.exitCode === null) await once(child, 'exit');
    },
  };
}

/** Picks the line of the error output that explains the failure: the error of a stack, or the last line. */
function lastWords(complaint: string): string {
  const lines = complaint.split('\n').filter((line) => line.trim() !== '');
  return (lines.find((line) => /^\s*\w*Error\b/.test(line)) ?? lines.at(-1) ?? 'it said nothing').trim();
}
