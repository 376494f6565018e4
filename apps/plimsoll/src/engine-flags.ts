/**
 * People paste the flags of the engines they know. This table rewrites vLLM's and llama.cpp's spellings to ours before
 * the command line is parsed; `-ngl 99` would otherwise read as three one-letter flags.
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
]);

export function canonicalArguments(argv: readonly string[]): string[] {
  return argv.map((argument) => {
    const equals = argument.startsWith('--') ? argument.indexOf('=') : -1;
    if (equals === -1) return spellings.get(argument) ?? argument;
    const name = argument.slice(0, equals);
    return `${spellings.get(name) ?? name}${argument.slice(equals)}`;
  });
}
