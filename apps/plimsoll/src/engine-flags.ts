/**
 * People paste the command lines of the engines they know. Flags that change memory are rewritten to ours before the
 * command line is parsed (`-ngl 99` would otherwise read as three one-letter flags); flags that do not are left out,
 * and the caller is told which.
 */
const spellings: ReadonlyMap<string, string> = new Map([
  ['--max-model-len', '--context'],
  ['--ctx-size', '--context'],
  ['--ctx', '--context'],
  ['-c', '--context'],
  ['--tensor-parallel-size', '--tp'],
  ['-tp', '--tp'],
  ['--pipeline-parallel-size', '--pp'],
  ['-pp', '--pp'],
  ['--data-parallel-size', '--dp'],
  ['-dp', '--dp'],
  ['--enable-expert-parallel', '--ep'],
  ['--gpu-memory-utilization', '--utilization'],
  ['--kv-cache-dtype', '--kv'],
  ['--kv-type', '--kv'],
  ['--cache-type-k', '--ctk'],
  ['-ctk', '--ctk'],
  ['--cache-type-v', '--ctv'],
  ['-ctv', '--ctv'],
  ['--quantization', '--weights'],
  ['-q', '--weights'],
  ['--n-gpu-layers', '--ngl'],
  ['--gpu-layers', '--ngl'],
  ['-ngl', '--ngl'],
  ['--ubatch-size', '--ub'],
  ['-ub', '--ub'],
  ['--batch-size', '--batch'],
  ['-b', '--batch'],
  ['--parallel', '--users'],
  ['-np', '--users'],
  ['--flash-attn', '--fa'],
  ['-fa', '--fa'],
  ['-ncmoe', '--n-cpu-moe'],
  ['--cpu-moe', '--cpu-moe'],
  ['-cmoe', '--cpu-moe'],
]);

/** Values that name a kernel for a format, not another format. */
const formatSpellings: ReadonlyMap<string, string> = new Map([
  ['awq_marlin', 'awq'],
  ['gptq_marlin', 'gptq'],
]);

/** Flags without a value that change no memory. */
const neutralSwitches: ReadonlySet<string> = new Set([
  '--trust-remote-code',
  '--enable-prefix-caching',
  '--enable-chunked-prefill',
  '--enable-auto-tool-choice',
  '--disable-log-requests',
  '--no-mmap',
  '--mlock',
  '--jinja',
  '--verbose',
]);

/** Flags with a value that change no memory. */
const neutralOptions: ReadonlySet<string> = new Set([
  '--host',
  '--port',
  '--api-key',
  '--served-model-name',
  '--chat-template',
  '--tool-call-parser',
  '--reasoning-parser',
  '--seed',
  '-t',
  '--alias',
  '--temp',
]);

export interface CanonicalArguments {
  readonly argv: readonly string[];
  /** Flags that were left out because they change no memory. */
  readonly leftOut: readonly string[];
}

export function canonicalArguments(given: readonly string[]): CanonicalArguments {
  const argv: string[] = [];
  const leftOut: string[] = [];
  for (let index = 0; index < given.length; index++) {
    const [name, inline] = splitFlag(given[index] ?? '');
    const next = given[index + 1];
    if (neutralSwitches.has(name)) {
      leftOut.push(name);
    } else if (neutralOptions.has(name)) {
      leftOut.push(name);
      if (inline === null) index++;
    } else {
      const flag = spellings.get(name) ?? name;
      argv.push(inline === null ? flag : `${flag}=${formatSpellings.get(inline) ?? inline}`);
      // A bare -fa means on; elsewhere commander asks for the missing value.
      if (flag === '--fa' && inline === null && !/^(on|off|auto|0|1|true|false)$/.test(next ?? ''))
        argv.push('on');
    }
  }
  return { argv: argv.map((argument) => formatSpellings.get(argument) ?? argument), leftOut };
}

/** `--name=value` apart; vLLM also takes underscores for dashes in names. */
function splitFlag(argument: string): readonly [name: string, inline: string | null] {
  if (!argument.startsWith('--')) return [argument, null];
  const equals = argument.indexOf('=');
  const name = equals === -1 ? argument : argument.slice(0, equals);
  return [name.replaceAll('_', '-'), equals === -1 ? null : argument.slice(equals + 1)];
}
