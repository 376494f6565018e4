/** `/generate` in SGLang's form: prompts to answers, whole or as a stream, with hidden states if the client asks. */
import type { HiddenStates } from '@plimsoll/engine/hidden-states';
import type { Generation } from '../core/generations.ts';
import { merged } from '../core/merged-pieces.ts';
import { promptScores } from '../core/prompt-scores.ts';
import { servedName } from '../core/served-model.ts';
import type { ServerCore } from '../core/server-core.ts';
import { openaiError } from '../http/error-forms.ts';
import { eventStreamResponse, jsonTextResponse, serverSentEvent } from '../http/event-stream.ts';
import { failCall } from '../http/request-errors.ts';
import type { ServerContext } from '../http/server-env.ts';
import { type GenerateAsk, isBatch, readAsks } from './generate-input.ts';
import { GenerateReader } from './generate-reader.ts';
import type { Generated, GenerateRequest } from './generate-schema.ts';
import { answerText, openStates } from './hidden-answer.ts';

/** One prompt in the engine. */
interface Running {
  readonly ask: GenerateAsk;
  readonly generation: Generation;
  /** Null unless the answer has hidden states. */
  readonly states: HiddenStates | null;
  /** One per answer. */
  readonly readers: readonly GenerateReader[];
}

export async function generate(
  core: ServerCore,
  context: ServerContext,
  body: GenerateRequest,
): Promise<Response> {
  servedName(core.model, body.model);
  const startedAt = performance.now();
  const asks = readAsks(core, body);
  const running = await submitAll(core, context, { body, asks });
  const readers = running.flatMap((one) => one.readers.map((reader) => ({ ...one, reader })));
  const isList = isBatch(body) || readers.length > 1;
  const view = ({ reader, generation }: (typeof readers)[number]): Generated =>
    reader.view(generation.usage(), (performance.now() - startedAt) / 1000);
  const pieces = merged(running.map(({ generation }) => generation.pieces));
  if (body.stream !== true) {
    for await (const { source, value } of pieces) running[source]?.readers[value.choice]?.add(value);
    const texts = readers.map((one) => answerText(view(one), one));
    return jsonTextResponse(context, isList ? listText(texts) : (texts[0] ?? []));
  }
  const places = new Map(readers.map((one, index) => [one.reader, { one, index }]));
  async function* events(): AsyncGenerator<string, void, void> {
    try {
      for await (const { source, value } of pieces) {
        const reader = running[source]?.readers[value.choice];
        const place = reader && places.get(reader);
        if (reader === undefined || place === undefined) continue;
        reader.add(value);
        const news = { ...view(place.one), ...(isList && { index: place.index }) };
        yield serverSentEvent(JSON.stringify(news));
      }
    } catch (error) {
      // The status has been sent; the error is the last event.
      yield serverSentEvent(JSON.stringify(openaiError(failCall(context.get('call'), error))));
    }
    yield serverSentEvent('[DONE]');
  }
  return eventStreamResponse(context, events());
}

async function submitAll(
  core: ServerCore,
  context: ServerContext,
  { body, asks }: { readonly body: GenerateRequest; readonly asks: readonly GenerateAsk[] },
): Promise<readonly Running[]> {
  const call = context.get('call');
  const { engine, tokenizer } = core.model;
  const scores = [];
  for (const { tokens, logprobs } of asks) {
    const wanted = logprobs !== null && logprobs.start >= 0;
    scores.push(
      wanted ? await promptScores(engine, tokens, { top: logprobs.top, signal: call.signal }) : null,
    );
  }
  const running: Running[] = [];
  try {
    for (const [index, ask] of asks.entries()) {
      const states = openStates(engine, ask);
      if (states !== null) context.env.outgoing.once('close', () => states.release());
      const lease = ask.schema === undefined ? undefined : core.grammars.lease(ask.schema);
      const generation = core.generations.submit(
        {
          ...ask.input,
          prompt: ask.tokens,
          ...(lease !== undefined && { lease }),
          ...(states !== null && { capture: states }),
        },
        call,
      );
      const id = ask.id ?? (asks.length === 1 ? call.id : `${call.id}-${index}`);
      const withTexts = body.return_text_in_logprobs === true;
      const parts = { ask, id, tokenizer, promptScores: scores[index] ?? null, withTexts };
      const readers = Array.from({ length: ask.input.choices }, () => new GenerateReader(parts));
      running.push({ ask, generation, states, readers });
    }
    return running;
  } catch (error) {
    for (const { generation } of running) generation.cancel();
    throw error;
  }
}

function* listText(texts: readonly Iterable<string>[]): Generator<string, void, void> {
  for (const [index, text] of texts.entries()) {
    yield index === 0 ? '[' : ',';
    yield* text;
  }
  yield ']';
}
