/** `plimsoll plan`: the main job. Parses the flags into one request, asks the planner, renders. */
import { PlimsollError, parseBytes, parseTokens } from '@plimsoll/foundation';
import {
  type EngineName,
  engineNames,
  type Plan,
  type PlanRequest,
  parseElementType,
  parseKvFormat,
  plan,
} from '@plimsoll/planner';
import { type HardwareRecord, listHardware, resolveHardware } from '@plimsoll/registry';
import { Command } from 'commander';
import { modelFromReference } from '../model-reference.ts';
import { isInteractive, printJson, printMessage, printText } from '../output.ts';
import { renderComparison } from '../render/comparison.ts';
import { renderPlan } from '../render/plan-text.ts';

export interface PlanFlags {
  readonly gpu?: string;
  readonly compare?: string;
  readonly context?: string;
  readonly users?: string;
  readonly prompt?: string;
  readonly cachedPrompt?: string;
  readonly engine?: string;
  readonly weights?: string;
  readonly dtype?: string;
  readonly kv?: string;
  readonly tp?: string;
  readonly pp?: string;
  readonly dp?: string;
  readonly ep?: boolean;
  readonly memory?: string;
  readonly utilization?: string;
  readonly maxNumSeqs?: string;
  readonly maxNumBatchedTokens?: string;
  readonly blockSize?: string;
  readonly enforceEager?: boolean;
  readonly ngl?: string;
  readonly ctk?: string;
  readonly ctv?: string;
  readonly fa?: string;
  readonly batch?: string;
  readonly ub?: string;
  readonly nCpuMoe?: string;
  readonly swaFull?: boolean;
  readonly threads?: string;
  readonly prefillChunk?: string;
  readonly assume?: string;
  readonly explain?: boolean;
  readonly json?: boolean;
  readonly ask?: boolean;
}

/** What `npm start` plans where nobody can be asked: a model and a card most readers know. */
const example = { model: 'meta-llama/Llama-3.1-8B-Instruct', gpu: 'rtx-4090', context: '32k' } as const;

export function planCommand(done: (exitCode: number) => void): Command {
  return describe(new Command('plan')).action(async (model: string | undefined, flags: PlanFlags) => {
    const asked = await completeQuestion(model, flags);
    if (asked === null) return done(0);
    const request = await planRequest(asked.model, asked.flags);
    if (asked.flags.compare !== undefined) return done(compare(request, asked.flags));
    const answer = plan(request);
    if (asked.flags.json === true) printJson(answer);
    else printText(renderPlan(answer, { explain: asked.flags.explain === true }));
    // Whoever answered questions reads the verdict; an exit code would only make npm complain.
    done(answer.fits || asked.interactive ? 0 : 2);
  });
}

function describe(command: Command): Command {
  return command
    .description('Does it fit, how many users, how fast, and what to change')
    .argument('[model]', 'registry name, Hugging Face id, directory, config.json, .gguf or .safetensors')
    .option('--gpu <name>', 'the device, such as h100, rtx-4090, m3-max-64gb (plimsoll zoo hardware)')
    .option('--compare <names>', 'several devices side by side, separated by commas')
    .option('--context <tokens>', 'prompt and output of one user together, such as 8192 or 128k')
    .option('--users <count>', 'sequences served at once', '1')
    .option('--prompt <tokens>', 'prompt whose first token is timed (default: the whole context)')
    .option('--cached-prompt <tokens>', 'prompt tokens found in a prefix cache')
    .option('--engine <name>', `${engineNames.join(', ')}; a release after @, such as vllm@0.19.0`)
    .option('--weights <format>', 'hold the weights in fp8, int8, awq, gptq, nvfp4, Q4_K_M ...')
    .option('--dtype <type>', 'type of what stays unquantised: bfloat16, float16, float32')
    .option('--kv <format>', 'KV cache type: fp16, bf16, fp8, q8_0, q4_0 ...')
    .option('--tp <count>', 'tensor parallelism', '1')
    .option('--pp <count>', 'pipeline parallelism', '1')
    .option('--dp <count>', 'data parallelism of the attention layers', '1')
    .option('--ep', 'whole experts per device instead of a slice of each')
    .option('--memory <bytes>', 'memory of one device, such as 20GiB, instead of the registry figure')
    .option('--utilization <share>', 'vLLM: --gpu-memory-utilization')
    .option('--max-num-seqs <count>', 'vLLM: sequences at once')
    .option('--max-num-batched-tokens <count>', 'vLLM: tokens of one step')
    .option('--block-size <tokens>', 'tokens of a KV block')
    .option('--enforce-eager', 'vLLM: no CUDA graphs')
    .option('--ngl <layers>', 'llama.cpp: layers on the GPU, a number, all or auto')
    .option('--ctk <format>', 'llama.cpp: type of cached keys')
    .option('--ctv <format>', 'llama.cpp: type of cached values')
    .option('--fa <on|off>', 'llama.cpp: flash attention')
    .option('--batch <tokens>', 'llama.cpp: logical batch')
    .option('--ub <tokens>', 'llama.cpp: physical batch')
    .option('--n-cpu-moe <layers>', 'llama.cpp: layers whose experts stay in host memory')
    .option('--swa-full', 'llama.cpp: keep every token of sliding-window layers')
    .option('--threads <count>', 'plimsoll: kernel threads')
    .option('--prefill-chunk <tokens>', 'plimsoll: prompt tokens of one step')
    .option('--assume <family>', 'read an unknown architecture as this one, such as llama')
    .option('--explain', 'print the formula and numbers behind every entry')
    .option('--json', 'print the plan as JSON (plimsoll schema plan)')
    .option('--ask', 'ask for what is missing; without a terminal plan an example')
    .addHelpText(
      'after',
      `
Flags of vLLM and llama.cpp work as they are: --max-model-len, --tensor-parallel-size, -ngl, -c, -ctk ...

Examples:
  plimsoll plan llama-3.1-8b-instruct --gpu h100 --context 128k --users 4
  plimsoll plan deepseek-ai/DeepSeek-V3 --gpu h200 --tp 8 --context 32k
  plimsoll plan gpt-oss-20b --compare rtx-4090,rtx-5090,l40s --context 32k
  plimsoll plan ./model.gguf --gpu rtx-3060 -c 16384 -ngl auto --explain`,
    );
}

interface Question {
  readonly model: string;
  readonly flags: PlanFlags;
  readonly interactive: boolean;
}

/** Fills in what is missing by asking, or refuses with what to type. Null when the person gave up. */
async function completeQuestion(model: string | undefined, flags: PlanFlags): Promise<Question | null> {
  const hasDevice = flags.gpu !== undefined || flags.compare !== undefined;
  if (model !== undefined && hasDevice) return { model, flags, interactive: false };
  if (flags.ask === true && isInteractive()) {
    const { askForPlan } = await import('../interactive.ts');
    const answers = await askForPlan(model, flags);
    return answers === null ? null : { ...answers, interactive: true };
  }
  if (flags.ask === true && model === undefined) {
    printMessage(`No terminal to ask in: planning ${example.model} on ${example.gpu} at ${example.context}.`);
    const chosen = { ...flags, gpu: example.gpu, context: example.context };
    return { model: example.model, flags: chosen, interactive: false };
  }
  throw new PlimsollError({
    code: model === undefined ? 'missing-model' : 'missing-gpu',
    message: model === undefined ? 'no model was named' : `no device was named for ${model}`,
    limit:
      model === undefined ? 'a registry name, Hugging Face id or file' : '--gpu NAME or --compare NAME,NAME',
    hint: `plimsoll plan ${model ?? example.model} --gpu h100 --context 32k`,
  });
}

function compare(request: PlanRequest, flags: PlanFlags): number {
  const names = (flags.compare ?? '').split(',').filter((name) => name.trim() !== '');
  const plans: readonly Plan[] = names.map((name) => plan({ ...request, hardware: deviceOf(name, flags) }));
  if (flags.json === true) printJson({ plans });
  else printText(renderComparison(plans));
  return plans.some((answer) => answer.fits) ? 0 : 2;
}

async function planRequest(model: string, flags: PlanFlags): Promise<PlanRequest> {
  const spec = await modelFromReference(model, { assume: flags.assume });
  const firstDevice = flags.gpu ?? flags.compare?.split(',')[0] ?? '';
  const hardware = deviceOf(firstDevice, flags);
  const [engine, engineVersion] = engineOf(flags, spec.source === 'gguf', hardware);
  const context =
    flags.context === undefined ? Math.min(8192, spec.contextLength) : parseTokens(flags.context);
  if (context > spec.contextLength) throw contextTooLong(context, spec.contextLength, spec.id);
  return {
    spec,
    hardware,
    largerDevices: (bytesMin) => largerDevices(hardware, bytesMin),
    parallelism: {
      tensor: count(flags.tp, 'tp') ?? 1,
      pipeline: count(flags.pp, 'pp') ?? 1,
      data: count(flags.dp, 'dp') ?? 1,
      expertParallel: flags.ep === true,
    },
    engine,
    engineVersion,
    weights: engine === 'plimsoll' && flags.weights === 'auto' ? undefined : flags.weights,
    elementType: flags.dtype === undefined ? undefined : elementTypeOf(flags.dtype),
    kvFormat: flags.kv === undefined || flags.kv === 'auto' ? undefined : parseKvFormat(flags.kv),
    vllm: {
      gpuMemoryUtilization: share(flags.utilization),
      maxNumSeqs: count(flags.maxNumSeqs, 'max-num-seqs'),
      maxNumBatchedTokens: count(flags.maxNumBatchedTokens, 'max-num-batched-tokens'),
      blockSize: count(flags.blockSize, 'block-size'),
      enforceEager: flags.enforceEager,
    },
    llamaCpp: {
      gpuLayers: gpuLayers(flags.ngl),
      keyFormat: flags.ctk === undefined ? undefined : parseKvFormat(flags.ctk),
      valueFormat: flags.ctv === undefined ? undefined : parseKvFormat(flags.ctv),
      flashAttention: onOff(flags.fa),
      batchTokens: count(flags.batch, 'batch'),
      physicalBatchTokens: count(flags.ub, 'ub'),
      cpuExpertLayers: count(flags.nCpuMoe, 'n-cpu-moe'),
      fullWindowCache: flags.swaFull,
    },
    plimsoll: {
      blockTokens: count(flags.blockSize, 'block-size'),
      threads: count(flags.threads, 'threads'),
      prefillChunkTokens: count(flags.prefillChunk, 'prefill-chunk'),
      shrinkWeights: flags.weights === 'auto',
    },
    workload: {
      contextTokens: context,
      users: count(flags.users, 'users') ?? 1,
      promptTokens: flags.prompt === undefined ? undefined : parseTokens(flags.prompt),
      cachedTokens: flags.cachedPrompt === undefined ? undefined : parseTokens(flags.cachedPrompt),
    },
  };
}

/** Cards of the same vendor that can be bought or rented one by one, smallest first; a few are enough to find one. */
function largerDevices(hardware: HardwareRecord, bytesMin: number): readonly HardwareRecord[] {
  const classes = ['consumer', 'workstation', 'datacenter', 'apple'];
  return listHardware()
    .filter((row) => row.vendor === hardware.vendor && classes.includes(row.class))
    .filter((row) => row.usableBytes >= bytesMin && row.releaseYear >= hardware.releaseYear - 2)
    .sort((a, b) => a.usableBytes - b.usableBytes)
    .slice(0, 4)
    .map((row) => resolveHardware(row.id))
    .filter((record) => record.deviceCount === 1);
}

function deviceOf(name: string, flags: PlanFlags): HardwareRecord {
  const record = resolveHardware(name);
  if (flags.memory === undefined) return record;
  return { ...record, memory: { ...record.memory, usableBytes: parseBytes(flags.memory) } };
}

/** llama.cpp for its own files, Apple machines and CPUs, vLLM for the rest, unless --engine says otherwise. */
function engineOf(
  flags: PlanFlags,
  isGguf: boolean,
  hardware: HardwareRecord,
): readonly [EngineName, string | undefined] {
  if (flags.engine === undefined) {
    const runsLlamaCpp = isGguf || ['apple', 'cpu', 'mobile', 'edge', 'tiny'].includes(hardware.class);
    return [runsLlamaCpp ? 'llama.cpp' : 'vllm', undefined];
  }
  const [name = '', version] = flags.engine.split('@');
  const engine = engineNames.find(
    (known) => known === name.toLowerCase().replace(/^llama[-_]?cpp$/, 'llama.cpp'),
  );
  if (engine !== undefined) return [engine, version];
  throw new PlimsollError({
    code: 'unknown-engine',
    message: `"${name}" is not an engine this planner has a profile for`,
    value: name,
    limit: engineNames.join(', '),
  });
}

function elementTypeOf(text: string): PlanRequest['elementType'] {
  const type = text === 'auto' ? undefined : parseElementType(text);
  if (type === null) throw badFlag('dtype', text, 'bfloat16, float16, float32 or auto');
  return type;
}

function gpuLayers(text: string | undefined): number | 'all' | 'auto' | undefined {
  if (text === undefined || text === 'all' || text === 'auto') return text;
  return Number(text) === -1 ? 'all' : wholeNumber(text, 'ngl', 0);
}

function onOff(text: string | undefined): boolean | undefined {
  if (text === undefined || text === 'auto') return undefined;
  if (['on', '1', 'true'].includes(text)) return true;
  if (['off', '0', 'false'].includes(text)) return false;
  throw badFlag('fa', text, 'on, off or auto');
}

function count(text: string | undefined, flag: string): number | undefined {
  return text === undefined ? undefined : wholeNumber(text, flag, 1);
}

/** Largest count any flag takes: above it sums leave the range of exact integers. */
const countMax = 10_000_000;

function wholeNumber(text: string, flag: string, minimum: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= minimum && value <= countMax) return value;
  throw badFlag(flag, text, `a whole number from ${minimum} to ${countMax}`);
}

function share(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value > 0 && value <= 1) return value;
  throw badFlag('utilization', text, 'a share above 0 and at most 1, such as 0.9');
}

function badFlag(flag: string, value: string, limit: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-flag',
    message: `--${flag} ${value} is not understood`,
    value,
    limit,
    hint: 'plimsoll plan --help',
  });
}

function contextTooLong(context: number, limit: number, model: string): PlimsollError {
  return new PlimsollError({
    code: 'context-too-long',
    message: `${model} accepts ${limit} tokens of context, not ${context}`,
    value: context,
    limit,
    hint: `--context ${limit}`,
  });
}
