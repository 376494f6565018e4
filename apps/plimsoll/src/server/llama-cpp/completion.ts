/** `/completion` in llama.cpp's form: one or several prompts, each to one or several answers, whole or as a stream. */
import { defined } from '@plimsoll/foundation';
import type { GenerationInput } from '../core/generations.ts';
import { merged } from '../core/merged-pieces.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { llamaCppError } from '../http/error-forms.ts';
import { eventStreamResponse, serverSentEvent } from '../http/event-stream.ts';
import { failCall } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { type CompletionAsks, readCompletion } from './completion-input.ts';
import { CompletionReader } from './completion-reader.ts';
import type { CompletionRequest } from './completion-schema.ts';
import { chosenFields } from './response-fields.ts';

export async function completion(
  core: ServerCore,
  context: ServerContext,
  body: CompletionRequest,
): Promise<Response> {
  const call = context.get('call');
  const model = servedName(core.model, body.model);
  const wanted = readCompletion(core, body, call.id);
  const generations = core.generations.submitAll(inputsOf(wanted), call);
  const readers = wanted.asks.flatMap((ask, prompt) =>
    Array.from({ length: ask.input.choices }, (_, choice) => {
      const generation = defined(generations[prompt], 'each prompt has a generation');
      const index = prompt * ask.input.choices + choice;
      const returnsTokens = body.return_tokens === true || body.stream === true;
      return new CompletionReader({
        ...{ ask, generation, index, model, returnsTokens },
        tokenizer: core.model.tokenizer,
      });
    }),
  );
  const perPrompt = body.n_cmpl ?? 1;
  const pieces = merged(generations.map((generation) => generation.pieces));
  const whole = (reader: CompletionReader): object =>
    chosenFields(reader.whole(), body.response_fields ?? []);
  if (body.stream !== true) {
    for await (const { source, value } of pieces) readers[source * perPrompt + value.choice]?.add(value);
    const answers = readers.map(whole);
    return context.json(wanted.isList ? answers : answers[0]);
  }
  async function* events(): AsyncGenerator<string, void, void> {
    try {
      for await (const { source, value } of pieces) {
        const reader = readers[source * perPrompt + value.choice];
        if (reader === undefined) continue;
        reader.add(value);
        if (reader.isOver) yield serverSentEvent(JSON.stringify(whole(reader)));
        else if (reader.hasTokens) yield serverSentEvent(JSON.stringify(reader.takePartial()));
      }
    } catch (error) {
      // The status has been sent; the error is the last event.
      yield serverSentEvent(JSON.stringify(llamaCppError(failCall(call, error))));
    }
  }
  return eventStreamResponse(context, events());
}

/** Leases a grammar for each request just before the request is submitted. */
function* inputsOf({ asks, lease }: CompletionAsks): Generator<GenerationInput, void, void> {
  for (const { tokens, input } of asks) {
    const held = lease();
    yield { ...input, prompt: tokens, ...(held !== undefined && { lease: held }) };
  }
}
