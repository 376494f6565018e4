/** The program: reads the command line, runs one command, and turns errors into exit codes. */
import { PlimsollError } from '@plimsoll/foundation';
import type { TranslatedLine } from '@plimsoll/planner/engines';
import { Command, CommanderError } from 'commander';
import packageJson from '../package.json' with { type: 'json' };
import { printMessage, reportFailure } from './output.ts';

/** Every command. Only the requested command is imported, so that a plan need not wait for the code of the others. */
const commands: Readonly<Record<string, (done: (exitCode: number) => void) => Promise<Command>>> = {
  plan: async (done) => (await import('./commands/plan.ts')).planCommand(done),
  simulate: async (done) => (await import('./commands/simulate.ts')).simulateCommand(done),
  optimize: async (done) => (await import('./commands/optimize.ts')).optimizeCommand(done),
  rank: async (done) => (await import('./commands/rank.ts')).rankCommand(done),
  solve: async () => (await import('./commands/solve.ts')).solveCommand(),
  zoo: async () => (await import('./commands/zoo.ts')).zooCommand(),
  validate: async (done) => (await import('./commands/validate.ts')).validateCommand(done),
  schema: async () => (await import('./commands/schema.ts')).schemaCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  pull: async () => (await import('./commands/pull.ts')).pullCommand(),
  rm: async () => (await import('./commands/rm.ts')).rmCommand(),
  run: async (done) => (await import('./commands/run.ts')).runCommand(done),
  chat: async () => (await import('./commands/chat.ts')).chatCommand(),
  serve: async (done) => (await import('./commands/serve.ts')).serveCommand(done),
  features: async (done) => (await import('./commands/features.ts')).featuresCommand(done),
  bench: async (done) => (await import('./commands/bench.ts')).benchCommand(done),
  inspect: async () => (await import('./commands/inspect.ts')).inspectCommand(),
  'explain-log': async (done) => (await import('./commands/explain-log.ts')).explainLogCommand(done),
  explain: async () => (await import('./commands/explain.ts')).explainCommand(),
};

/** Codes of valid requests that do not fit, or that nothing meets; their exit code is 2. */
const refusals: ReadonlySet<string> = new Set([
  'over-memory-budget',
  'out-of-memory-budget',
  'exceeds-arena',
  'infeasible',
]);

/**
 * Runs the command line and returns the exit code: 0 ok, 1 bad input or a defect (code `internal-error`), 2 does not
 * fit, 3 a stated SLO or assertion does not hold, 130 interrupted.
 */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const asJson = argv.includes('--json');
  // Reports errors that no command awaits, such as errors in a callback or in a thread's event.
  process.on('uncaughtException', (error) => {
    reportFailure(error, asJson);
    process.exit(1);
  });
  // A reader such as `head` may close the pipe early; this is not an error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const program = new Command('plimsoll')
    .description('Plans the memory of LLM serving: does it fit, how many users, how fast, what to change.')
    .version(packageJson.version, '-V, --version')
    .showSuggestionAfterError()
    .addHelpText(
      'after',
      `
Examples:
  plimsoll plan meta-llama/Llama-3.1-8B-Instruct --gpu h100 --context 128k
  plimsoll plan ./model.gguf --gpu rtx-4090 --context 32k
  plimsoll plan --gpu b200 -- vllm serve Qwen/Qwen3-8B --max-model-len 32k
  plimsoll rank Qwen/Qwen3-32B --users 16 --context 32k
  plimsoll solve tail-latency --rate 50 --service-time 100ms --servers 8
  plimsoll simulate examples/single-gpu-chat.yaml
  plimsoll optimize examples/single-gpu-chat.yaml --gpu h100,l40s
  plimsoll zoo models qwen3
  plimsoll inspect ./model.gguf
  plimsoll explain "kv cache growth"
  plimsoll explain-log start.log
  plimsoll run ./model.gguf "Why is the sky blue?" --memory 2GiB
  plimsoll pull hf:bartowski/SmolLM2-135M-Instruct-GGUF
  plimsoll chat hf:bartowski/SmolLM2-135M-Instruct-GGUF:Q8_0
  plimsoll serve ./model.gguf --memory 4GiB
  plimsoll features --target ./model.gguf --data prompts.jsonl --output features --plan
  plimsoll audit

Exit codes: 0 ok, 1 bad input or a defect, 2 does not fit, 3 an assertion failed, 130 interrupted.`,
    )
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  const done = (code: number): void => {
    exitCode = code;
  };
  // Help and suggestions need all commands.
  const name = argv[0] ?? '';
  const asked = Object.hasOwn(commands, name) ? commands[name] : undefined;
  for (const load of asked === undefined ? Object.values(commands) : [asked]) {
    const command = await load(done);
    program.addCommand(command.exitOverride().configureOutput({ outputError: () => {} }));
  }
  try {
    const { argv: canonical, leftOut } = await ourFlags(argv);
    if (leftOut.length > 0) printMessage(`note: ${leftOut.join(', ')} changes no memory and is left out`);
    if (canonical.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...canonical], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    reportFailure(error, asJson, asked === undefined ? undefined : `plimsoll ${name} --help`);
    if (!(error instanceof PlimsollError || error instanceof CommanderError)) leaveSoon();
    return error instanceof PlimsollError && refusals.has(error.code) ? 2 : 1;
  }
}

/** Ends the process 1 s after a defect, even if a thread waits forever. The timer itself does not keep it alive. */
function leaveSoon(): void {
  setTimeout(() => process.exit(1), 1000).unref();
}

/** Translates the flags of other engines, which only `plan` accepts. */
async function ourFlags(argv: readonly string[]): Promise<TranslatedLine> {
  if (argv[0] !== 'plan') return { argv, leftOut: [] };
  if (argv.includes('--') || argv.includes('-')) {
    const { withPastedCommand } = await import('./pasted-command.ts');
    const pasted = await withPastedCommand(argv);
    if (pasted !== null) return { argv: pasted, leftOut: [] };
  }
  const { canonicalArguments } = await import('./engine-flags.ts');
  return canonicalArguments(argv);
}
