/** `plimsoll run`: generates one answer to one prompt. */
import type { Engine } from '@plimsoll/engine';
import { defined, formatSeconds, monotonicClock, PlimsollError } from '@plimsoll/foundation';
import type { Grammar } from '@plimsoll/text/grammar';
import { TemplateProcess } from '@plimsoll/text/process';
import { Command } from 'commander';
import { type Answer, answer, rates } from '../answer.ts';
import {
  type Conversation,
  encodeRaw,
  firstRawTokens,
  firstTokens,
  openConversation,
} from '../conversation.ts';
import { engineModelWords } from '../engine-model.ts';
import { addEngineFlags, type EngineFlags, type StartedEngine, startEngine } from '../engine-start.ts';
import { Interruption, interruptedExitCode } from '../interruption.ts';
import { printGenerated, printJson, printMessage } from '../output.ts';
import { heldByCategory, heldBytes, memoryLine, speedLine } from '../render/answer-text.ts';
import { addSamplingFlags, overflowOf, type SamplingFlags, samplingOf } from '../sampling-flags.ts';
import { readPrompt } from '../standard-input.ts';

interface RunFlags extends EngineFlags, SamplingFlags {
  readonly raw?: boolean;
  readonly jsonSchema?: string;
  readonly json?: boolean;
}

export function runCommand(done: (exitCode: number) => void): Command {
  const command = new Command('run')
    .description('Run a model: one prompt, one answer, inside a memory limit')
    .argument('<model>', engineModelWords)
    .argument('[prompt]', 'the text (default: standard input)');
  return addSamplingFlags(addEngineFlags(command))
    .option('--raw', 'pass the prompt to the model without its chat template')
    .option('--json-schema <file>', 'constrain the output to JSON that conforms to this schema')
    .option('--json', 'print text, tokens, timings and memory as JSON (plimsoll schema run)')
    .addHelpText(
      'after',
      `
If the model has a chat template, the prompt is the message of a user, and control tokens in it, such as <|im_end|>,
are plain text. --raw leaves the template out and reads control tokens. A prompt on standard input loses one final
newline; with --raw it stays unchanged.

With --overflow slide, a text that outgrows the context drops the older half of the tokens that are not kept (--keep),
and the rest is computed again. The model then continues as if the prompt were the kept tokens alone.

The answer goes to standard output, its speed and memory to standard error.

Examples:
  plimsoll run ./model.gguf "Why is the sky blue?" --memory 2GiB
  plimsoll run ./model.gguf --raw "Once upon a time" -n 64 --temp 0
  plimsoll run ./model.gguf --json < prompt.txt
  plimsoll run ./model.gguf --raw "Chapter 1" --ctx 4k --overflow slide -n 20000
  plimsoll run ./8b.gguf "Write a haiku" --draft ./1b.gguf --draft-tokens 5

Exit codes: 0 ok, 1 bad input or a defect, 2 does not fit into the memory, 130 interrupted.`,
    )
    .action(async (path: string, prompt: string | undefined, flags: RunFlags) => {
      done(await run(path, prompt ?? (await standardInput(flags.raw === true)), flags));
    });
}

async function run(path: string, prompt: string, flags: RunFlags): Promise<number> {
  const interruption = new Interruption();
  const { jsonSchema } = flags;
  const grammar = jsonSchema === undefined ? null : await grammarOf(jsonSchema, interruption);
  const templates = new TemplateProcess();
  // The process starts while the weights load.
  if (flags.raw !== true) templates.start();
  const started = await startEngine(path, flags, { constrainedOutput: grammar !== null });
  const { engine, limit } = started;
  try {
    const slides = flags.overflow === 'slide';
    const conversation =
      flags.raw === true
        ? null
        : await openConversation(engine, { templates, now: new Date(), slides, interruption });
    const ids =
      (await conversation?.encode([{ role: 'user', content: prompt }])) ??
      encodeRaw(engine, prompt, { slides, interruption });
    const overflow = overflowOf(flags, slides ? await keptTokens(engine, conversation) : 0);
    templates.close();
    const { seed, ...sampling } = samplingOf(flags);
    let firstTextSeconds: number | null = null;
    const onText = (piece: string): void => {
      // performance.now() counts from the start of the process.
      firstTextSeconds ??= performance.now() / 1000;
      if (flags.json !== true) printGenerated(piece);
    };
    const answered = await interruption.during((signal) =>
      answer(
        engine,
        { prompt: ids, overflow, ...sampling, signal, ...(grammar !== null && { grammar }) },
        { clock: monotonicClock, onText },
      ),
    );
    if (flags.json === true) {
      printJson(report(started, answered, { model: path, seed, draft: flags.draft, firstTextSeconds }));
    } else {
      if (!answered.text.endsWith('\n')) printGenerated('\n');
      printMessage(`${speedLine(answered)} · loaded in ${formatSeconds(started.loadSeconds)}`);
      printMessage(memoryLine(engine.ledger(), limit));
    }
    return answered.end === 'interrupted' ? interruptedExitCode : 0;
  } finally {
    interruption.close();
    templates.close();
    await engine.close();
  }
}

/** Number of tokens at the start of every text, which never slide out. */
function keptTokens(engine: Engine, conversation: Conversation | null): Promise<number> | number {
  return conversation === null ? firstRawTokens(engine) : firstTokens(conversation, []);
}

async function grammarOf(schemaPath: string, interruption: Interruption): Promise<Grammar> {
  const { readJsonFile } = await import('@plimsoll/model-files/files');
  const { grammarFromJsonSchema } = await import('@plimsoll/text/grammar');
  const schema = await readJsonFile(schemaPath, 'schema');
  return interruption.unguarded(() => grammarFromJsonSchema(schema));
}

interface RunFacts {
  readonly model: string;
  readonly seed: number;
  readonly draft: string | undefined;
  readonly firstTextSeconds: number | null;
}

/** The output of --json: `run` in json-schemas.ts. */
function report({ engine, limit, loadSeconds }: StartedEngine, answered: Answer, facts: RunFacts): unknown {
  const { end, promptTokens, cachedTokens, outputTokens, prefillSeconds, decodeSeconds, droppedTokens } =
    answered;
  const { prefill, decode } = rates(answered);
  const ledger = engine.ledger();
  const { settings } = defined(engine.memory.adoptedPlan, 'a running engine has a plan');
  return {
    model: facts.model,
    text: answered.text,
    end,
    tokens: {
      prompt: promptTokens,
      cached: cachedTokens,
      output: outputTokens.length,
      dropped: droppedTokens,
      ids: outputTokens,
    },
    timings: {
      loadSeconds,
      firstTextSeconds: facts.firstTextSeconds,
      prefillSeconds,
      decodeSeconds,
      prefillTokensPerSecond: prefill,
      decodeTokensPerSecond: decode,
    },
    settings: {
      context: engine.contextMax,
      kvType: settings.kvFormat,
      threads: settings.threads,
      kernels: engine.kernelPath,
      seed: facts.seed,
      draft: facts.draft ?? null,
      draftTokens: settings.draft?.tokens ?? 0,
    },
    speculation: answered.speculation,
    memory: {
      limitBytes: limit.bytes,
      limitSource: limit.source,
      heldBytes: heldBytes(ledger),
      residentBytes: process.memoryUsage.rss(),
      // KiB: the unit of getrusage on Linux, to which libuv converts the values of other systems.
      peakResidentBytes: process.resourceUsage().maxRSS * 1024,
      heapBytes: process.memoryUsage().heapTotal,
      categories: heldByCategory(ledger),
      ledger,
    },
  };
}

async function standardInput(raw: boolean): Promise<string> {
  if (process.stdin.isTTY !== true) {
    const prompt = await readPrompt({ asItIs: raw });
    if (prompt !== '') return prompt;
  }
  throw new PlimsollError({
    code: 'missing-prompt',
    message: 'there is no prompt',
    limit: 'a text after the model, or on standard input',
    hint: 'plimsoll run ./model.gguf "Why is the sky blue?"; plimsoll chat ./model.gguf to talk',
  });
}
