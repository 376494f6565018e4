/** `plimsoll plan`: parses the flags into a request, calls the planner, and renders the plan. */
import { PlimsollError } from '@plimsoll/foundation';
import { type Plan, plan } from '@plimsoll/planner';
import { engineNamed, engineNames } from '@plimsoll/planner/engines';
import { isMixtureOfFiles } from '@plimsoll/planner/formats';
import { Command, Option } from 'commander';
import { modelOfArgument, modelOfCommand } from '../command-model.ts';
import { addOptionFlags, configOverriddenBy, modelNamedByOption } from '../option-flags.ts';
import { isInteractive, printJson, printMessage, printText } from '../output.ts';
import { commandModelFlag, planArguments } from '../pasted-command.ts';
import { type PlanFlags, type PlannedModels, planRequest } from '../plan-flags.ts';
import { renderComparison } from '../render/comparison.ts';
import { renderPlan } from '../render/plan-text.ts';
import { readPipedText } from '../standard-input.ts';
import { flagsOfThisMachine } from '../this-machine.ts';

/** The plan of `npm start` without a terminal: a well-known model and device. */
const example = { model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'rtx-4090', context: '32k' } as const;

export function planCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('plan')).action(async (named: string | undefined, flags: PlanFlags) => {
    const model = named ?? flags.commandModel;
    if (model === undefined && flags.ask !== true) {
      const piped = await readPipedText();
      if (piped !== null) return planPiped(piped, done);
    }
    const question = await completeQuestion(model, flags);
    // Shells report an interrupted program with 130.
    if (question === null) return done(130);
    const isPasted = named === undefined && flags.commandModel !== undefined;
    const { models, asked } = await modelsOf(question, isPasted);
    if (asked.flags.compare !== undefined) return done(compare(models, asked));
    const answer = plan(planRequest(models, asked.flags));
    if (asked.flags.json === true) printJson(answer);
    else printText(renderPlan(answer, { explain: asked.flags.explain === true }));
    // A user who answered questions reads the verdict; an exit code of 2 would only make npm print an error.
    done((answer.fits && answer.start.starts) || asked.interactive ? 0 : 2);
  });
}

/** Plans a piped command like a command after `--`. */
async function planPiped(text: string, done: (exitCode: number) => void): Promise<void> {
  const words = planArguments(text, process.argv.slice(2));
  await planCommand(done)
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .parseAsync(words.slice(1), { from: 'user' });
}

function describe(command: Command): Command {
  command
    .description('Does it fit, how many users, how fast, and what to change')
    .argument('[model]', 'registry name, Hugging Face id, directory, config.json, .gguf or .safetensors')
    .option(
      '--gpu <name>',
      'the device, such as h100, rtx-4090, 2xrtx-3090 or rtx-3090,rtx-4070 (plimsoll zoo hardware)',
    )
    .option('--compare <names>', 'several devices side by side, separated by commas')
    .option(
      '--context <tokens>',
      'prompt and output of one user together, such as 8192 or 128k (default: 8k)',
    )
    .option(
      '--users <count>',
      'sequences served at once (default: 1; llama-server then has its own four slots)',
    )
    .option('--prompt <tokens>', 'prompt for the time to first token (default: the whole context)')
    .option('--cached-prompt <tokens>', 'prompt tokens that are in the prefix cache')
    .option('--engine <name>', `${engineNames.join(', ')}; a release after @, such as vllm@0.19.0`)
    .option('--weights <format>', 'hold the weights in fp8, int8, awq, gptq, nvfp4, Q4_K_M ...')
    .option('--dtype <type>', 'type of the unquantised tensors: bfloat16, float16, float32')
    .option('--kv <format>', 'KV cache type: fp16, bf16, fp8, q8_0, q4_0 ...')
    .option('--tp <count>', 'tensor parallelism (default: 1)')
    .option('--pp <count>', 'pipeline parallelism (default: 1)')
    .option('--dp <count>', 'data parallelism of the attention layers (default: 1)')
    .option('--ep', 'expert parallelism: whole experts per device instead of a slice of each')
    .option('--memory <bytes>', 'memory of one device, such as 20GiB, instead of the registry figure');
  return addOptionFlags(command)
    .option('--assume <family>', 'read an unknown architecture as this family, such as llama')
    .option('--offline', 'read no model from the Hub: registry and files only')
    .option('--explain', 'print the formula and numbers behind every entry')
    .option('--json', 'print the plan as JSON (plimsoll schema plan)')
    .addOption(new Option(`${commandModelFlag} <model>`).hideHelp())
    .option('--ask', 'ask for missing values; without a terminal, plan an example')
    .addHelpText(
      'after',
      `
plan also accepts the flags of vLLM, SGLang, TensorRT-LLM and llama.cpp that change memory: --max-model-len, --tp-size, -ngl,
-c, -ctk ... Here --context and -c are per user; llama.cpp's own -c is for all users together.

plan also reads a whole command, with its environment variables, after -- or on standard input (-): vllm serve,
python -m ..., llama-server, docker run ... A note lists the flags that change no memory and are left out.

Examples:
  plimsoll plan llama-3.1-8b-instruct --gpu h100 --context 128k --users 4
  plimsoll plan deepseek-ai/DeepSeek-V3 --gpu h200 --tp 8 --context 32k
  plimsoll plan gpt-oss-20b --compare rtx-4090,rtx-5090,l40s --context 32k
  plimsoll plan ./model.gguf --gpu rtx-3060 -c 16384 -ngl auto --explain
  plimsoll plan --gpu b200 -- VLLM_USE_V1=1 vllm serve Qwen/Qwen3-32B --max-num-seqs 64
  plimsoll plan --gpu h100 - < start.sh
  plimsoll plan ./model.gguf --engine plimsoll               (on this machine, as plimsoll run would)
  plimsoll plan ./model.gguf --engine plimsoll --users 16    (as plimsoll serve would)`,
    );
}

interface Question {
  readonly model: string;
  readonly flags: PlanFlags;
  readonly interactive: boolean;
}

/** True if the engine runs on this machine, so that this machine is the default device. */
function isPlannedHere({ engine }: PlanFlags): boolean {
  return engine !== undefined && engineNamed(engine.split('@')[0] ?? '').runsHere;
}

/** Asks for missing parts, or throws an error that shows a complete command. Null if the user cancelled. */
async function completeQuestion(model: string | undefined, flags: PlanFlags): Promise<Question | null> {
  const hasDevice = flags.gpu !== undefined || flags.compare !== undefined;
  if (model !== undefined && hasDevice) return { model, flags, interactive: false };
  if (model !== undefined && isPlannedHere(flags))
    return { model, flags: flagsOfThisMachine(flags), interactive: false };
  if (flags.ask === true && isInteractive()) {
    const { askForPlan } = await import('../interactive.ts');
    const answers = await askForPlan(model, flags);
    return answers === null ? null : { ...answers, interactive: true };
  }
  if (flags.ask === true && model === undefined) {
    printMessage(
      `There is no terminal to ask questions: planning ${example.model} on ${example.gpu} at ${example.context}.`,
    );
    const chosen = { ...flags, gpu: example.gpu, context: example.context };
    return { model: example.model, flags: chosen, interactive: false };
  }
  throw incomplete(model, flags);
}

function incomplete(model: string | undefined, { commandModel }: PlanFlags): PlimsollError {
  if (model === undefined) {
    return new PlimsollError({
      code: 'missing-model',
      message: 'no model was named',
      limit: 'a registry name, Hugging Face id or file',
      hint: `plimsoll plan ${example.model} --gpu h100`,
    });
  }
  const hasCommand = commandModel !== undefined;
  return new PlimsollError({
    code: 'missing-gpu',
    message: `no device was named for ${model}`,
    limit: `--gpu NAME${hasCommand ? ' or' : ','} --compare NAME,NAME${hasCommand ? '' : ', or --engine plimsoll for this machine'}`,
    hint: hasCommand ? 'add --gpu h100 before the command' : `plimsoll plan ${model} --gpu h100`,
  });
}

/** The models of the question, and the question with the weight format that the name of its model states. */
async function modelsOf(
  question: Question,
  isPasted: boolean,
): Promise<{ readonly models: PlannedModels; readonly asked: Question }> {
  const { model: typed, flags } = question;
  const { assume, offline, weights: mixture } = flags;
  const overrides = configOverriddenBy(flags);
  const options = { assume, offline, mixture, overrides };
  const { spec, reference, weights } = await (isPasted ? modelOfCommand : modelOfArgument)(typed, options);
  const drafter = flags.draft ?? modelNamedByOption(flags);
  const draft = drafter === null ? null : (await modelOfCommand(drafter, { offline, isDrafter: true })).spec;
  const asked = weights === null || mixture !== undefined ? flags : { ...flags, weights };
  const checkpoint = asked === flags || isMixtureOfFiles(weights ?? '') ? undefined : typed;
  return { models: { spec, reference, draft, checkpoint }, asked: { ...question, flags: asked } };
}

/** Plans each device as if it were the only one, with its usual engine. */
function compare(models: PlannedModels, question: Question): number {
  const { flags } = question;
  if (flags.explain === true) {
    throw new PlimsollError({
      code: 'conflicting-flags',
      message: '--explain explains one plan, --compare makes several',
      hint: 'name one device with --gpu',
    });
  }
  const named = [flags.gpu ?? '', ...(flags.compare ?? '').split(',')].map((name) => name.trim());
  const devices = [...new Set(named.filter((name) => name !== ''))];
  const plans: readonly Plan[] = devices.map((gpu) => plan(planRequest(models, { ...flags, gpu })));
  if (flags.json === true) printJson({ plans });
  else printText(renderComparison(plans));
  return plans.some((answer) => answer.fits && answer.start.starts) ? 0 : 2;
}
