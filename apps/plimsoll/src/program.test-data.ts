/** For tests: runs the program as users do, in a separate process. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const program: string = fileURLToPath(new URL('../bin/plimsoll.js', import.meta.url));
export const fixtures: string = fileURLToPath(new URL('../../../fixtures', import.meta.url));
/** A small random model. */
export const llama: string = join(fixtures, 'engine/llama-3/f16.gguf');

export const env: NodeJS.ProcessEnv = { ...process.env, NO_COLOR: '1' };

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function plimsoll(args: readonly string[], input = ''): Outcome {
  const result = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env, input });
  return { code: result.status, out: result.stdout, err: result.stderr };
}
