/** `plimsoll solve`: closed forms and small searches over plans, each a command of its own. */
import { flagOf, type InputSpec, type Solver, solverNamed, solvers } from '@plimsoll/planner/solve';
import { Command, type OutputConfiguration } from 'commander';
import { printJson, printText } from '../output.ts';
import type { PlanFlags } from '../plan-flags.ts';
import { renderSolverList, renderSolverResult, solverHelp } from '../render/solve-text.ts';
import { inputValue, subjectOf } from '../solve-flags.ts';

/** The program reports errors itself. */
const silent: OutputConfiguration = { outputError: () => {} };

export function solveCommand(): Command {
  const command = new Command('solve')
    .description(
      'Answer one question about serving: queues, batches, pools, prices (plimsoll solve lists them)',
    )
    .argument('[solver]', 'name of a solver; without a name, the list of solvers')
    .option('--json', 'print the list as JSON')
    .addHelpText('after', `\n${renderSolverList(solvers)}`)
    .action((name: string | undefined, flags: { readonly json?: boolean }) => {
      if (name !== undefined) solverNamed(name);
      if (flags.json === true)
        printJson({ solvers: solvers.map(({ name, summary }) => ({ name, summary })) });
      else printText(renderSolverList(solvers));
    });
  for (const solver of solvers)
    command.addCommand(solverCommand(solver).exitOverride().configureOutput(silent));
  return command;
}

function solverCommand(solver: Solver): Command {
  const command = new Command(solver.name).description(solver.summary);
  if (solver.needs.includes('replica')) addSubjectFlags(command, solver);
  for (const [name, spec] of Object.entries(solver.inputs))
    command.option(`${flagOf(name)} <${argumentName(spec)}>`, `${spec.words}${defaultText(spec)}`);
  return command
    .option('--json', 'print the answer as JSON (plimsoll schema solve)')
    .addHelpText('after', `\n${solverHelp(solver)}`)
    .action(async (...given: readonly unknown[]) => {
      // Commander gives --json to the parent, which has it too.
      const flags = command.optsWithGlobals<PlanFlags>();
      const typed = typeof given[0] === 'string' ? given[0] : undefined;
      const inputs: Record<string, unknown> = {};
      for (const [name, spec] of Object.entries(solver.inputs)) {
        const text = flags[name];
        if (typeof text === 'string') inputs[name] = inputValue(flagOf(name), spec, text);
      }
      const result = solver.run(inputs, await subjectOf(solver, typed, flags));
      if (flags.json === true) printJson(result);
      else printText(renderSolverResult(solver, result));
    });
}

function argumentName(spec: InputSpec): string {
  return spec.kind === 'choice' ? 'choice' : spec.unit.replaceAll(' ', '-');
}

function defaultText(spec: InputSpec): string {
  if (spec.default === null) return '';
  if (spec.default === 'required') return ' (required)';
  const options = spec.kind === 'choice' ? `: ${spec.options.join(', ')}` : '';
  return `${options} (default: ${spec.kind === 'numbers' ? spec.default.join(',') : spec.default})`;
}

function addSubjectFlags(command: Command, { needs }: Solver): void {
  command
    .argument('[model]', 'registry name, Hugging Face id, directory, config.json, .gguf or .safetensors')
    .option('--gpu <name>', 'the device, such as h100 or 8xh100 (plimsoll zoo hardware)')
    .option('--engine <name>', 'engine of the replica; none counts weights and cache alone')
    .option('--weights <format>', 'hold the weights in fp8, int8, awq, gptq, nvfp4, Q4_K_M ...')
    .option('--dtype <type>', 'type of the unquantised tensors: bfloat16, float16, float32')
    .option('--kv <format>', 'KV cache type: fp16, bf16, fp8, q8_0, q4_0 ...')
    .option('--tp <count>', 'tensor parallelism (default: 1)')
    .option('--pp <count>', 'pipeline parallelism (default: 1)')
    .option('--dp <count>', 'data parallelism of the attention layers (default: 1)')
    .option('--ep', 'expert parallelism: whole experts per device instead of a slice of each')
    .option('--memory <bytes>', 'memory of one device, such as 20GiB, instead of the registry figure')
    .option('--price <usd>', 'US dollars of one device per hour, instead of the registry figure')
    .option('--assume <family>', 'read an unknown architecture as this family, such as llama')
    .option('--offline', 'read no model from the Hub: registry and files only');
  if (needs.includes('draft')) command.option('--draft <model>', 'model that drafts tokens');
  if (needs.includes('decode-device'))
    command.option('--decode-gpu <name>', 'device of the decode pool (default: --gpu)');
}
