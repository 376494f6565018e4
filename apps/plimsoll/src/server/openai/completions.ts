/** `/v1/completions`: one or several prompts, each to one or several answers, whole or as a stream. */
import type { GenerationPiece } from '@plimsoll/engine';
import type { GenerationInput } from '../core/generations.ts';
import { merged } from '../core/merged-pieces.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { openaiError } from '../http/error-forms.ts';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import { failCall, InvalidField } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { schemaOfFormat } from './chat-input.ts';
import { LogprobLists } from './completion-logprobs.ts';
import { type CompletionPrompt, readPrompts } from './completion-prompts.ts';
import type { CompletionRequest, CompletionResponse } from './completion-schema.ts';
import { commonInput } from './sampling-fields.ts';
import { usageOf } from './usage.ts';

type Choice = CompletionResponse['choices'][number];

export async function completions(
  core: ServerCore,
  context: ServerContext,
  body: CompletionRequest,
): Promise<Response> {
  const call = context.get('call');
  checkFields(body);
  const head = {
    id: `cmpl-${call.id}`,
    object: 'text_completion' as const,
    created: core.unixTime(),
    model: servedName(core.model, body.model),
  };
  const prompts = await readPrompts(core.model, body, call.signal);
  const choices = choiceReaders(core, prompts, body);
  if (body.max_tokens === 0) return context.json(scoredOnly(prompts, choices, head));
  const generations = core.generations.submitAll(inputsOf(core, prompts, body), call);
  const perPrompt = body.n ?? 1;
  const pieces = merged(generations.map((generation) => generation.pieces));
  if (body.stream !== true) {
    for await (const { source, value } of pieces) choices[source * perPrompt + value.choice]?.add(value);
    return context.json({
      ...head,
      choices: choices.map((choice) => choice.take()),
      usage: usageOf(generations.map((generation) => generation.usage())),
    } satisfies CompletionResponse);
  }
  const includesUsage = body.stream_options?.include_usage === true;
  const event = (part: Pick<CompletionResponse, 'choices' | 'usage'>): string =>
    serverSentEvent(JSON.stringify({ ...head, ...(includesUsage && { usage: null }), ...part }));
  async function* events(): AsyncGenerator<string, void, void> {
    try {
      for await (const { source, value } of pieces) {
        const choice = choices[source * perPrompt + value.choice];
        choice?.add(value);
        if (choice?.hasNews === true) yield event({ choices: [choice.take()] });
      }
    } catch (error) {
      // The status has been sent; the error is the last event.
      yield serverSentEvent(JSON.stringify(openaiError(failCall(call, error))));
      return;
    }
    if (includesUsage) yield event({ choices: [], usage: usageOf(generations.map((one) => one.usage())) });
    yield serverSentEvent('[DONE]');
  }
  return eventStreamResponse(context, events());
}

function checkFields({ max_tokens: maxTokens, echo, stream, best_of: best, n }: CompletionRequest): void {
  if (maxTokens === 0 && echo !== true)
    throw new InvalidField('max_tokens', 'it is 0; the least is 1 without echo');
  if (maxTokens === 0 && stream === true)
    throw new InvalidField('stream', 'an answer without tokens is no stream');
  if (best != null && best > (n ?? 1))
    throw new InvalidField('best_of', 'the server ranks no answers; the most is n');
}

function* inputsOf(
  core: ServerCore,
  prompts: readonly CompletionPrompt[],
  body: CompletionRequest,
): Generator<GenerationInput, void, void> {
  const common = commonInput(body, body.logprobs ?? null, core.model.tokenizer.vocabSize);
  const schema = schemaOfFormat(body.response_format);
  for (const { tokens } of prompts) {
    const lease = schema === undefined ? undefined : core.grammars.lease(schema);
    yield { ...common, prompt: tokens, ...(lease !== undefined && { lease }) };
  }
}

/** Collects the pieces of one choice until they are sent. */
class ChoiceReader {
  readonly #index: number;
  readonly #logprobs: LogprobLists | null;
  #text: string;
  #end: Choice['finish_reason'] = null;

  constructor(index: number, echoed: string, logprobs: LogprobLists | null) {
    this.#index = index;
    this.#text = echoed;
    this.#logprobs = logprobs;
  }

  add({ text, token, logprobs, end }: GenerationPiece): void {
    this.#text += text;
    if (token !== null && logprobs !== undefined) this.#logprobs?.add(token, logprobs);
    this.#end = end;
  }

  finish(end: Choice['finish_reason']): void {
    this.#end = end;
  }

  /** False while the tokens have made no whole character. */
  get hasNews(): boolean {
    return this.#text !== '' || this.#logprobs !== null || this.#end !== null;
  }

  take(): Choice {
    const choice = {
      index: this.#index,
      text: this.#text,
      logprobs: this.#logprobs?.take() ?? null,
      finish_reason: this.#end,
    };
    this.#text = '';
    return choice;
  }
}

function choiceReaders(
  { model }: ServerCore,
  prompts: readonly CompletionPrompt[],
  body: CompletionRequest,
): readonly ChoiceReader[] {
  const perPrompt = body.n ?? 1;
  return prompts.flatMap(({ tokens, echoed, scores }, prompt) =>
    Array.from({ length: perPrompt }, (_, choice) => {
      const lists = body.logprobs == null ? null : new LogprobLists(model.tokenizer);
      scores?.forEach((score, index) => {
        lists?.add(tokens[index] ?? 0, score);
      });
      return new ChoiceReader(prompt * perPrompt + choice, echoed, lists);
    }),
  );
}

/** The answer to `max_tokens: 0`: the prompts with their log-probabilities. */
function scoredOnly(
  prompts: readonly CompletionPrompt[],
  choices: readonly ChoiceReader[],
  head: Omit<CompletionResponse, 'choices' | 'usage'>,
): CompletionResponse {
  const promptTokens = prompts.reduce((sum, { tokens }) => sum + tokens.length, 0);
  for (const choice of choices) choice.finish('length');
  return {
    ...head,
    choices: choices.map((choice) => choice.take()),
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: 0,
      total_tokens: promptTokens,
      prompt_tokens_details: { cached_tokens: 0 },
    },
  };
}
