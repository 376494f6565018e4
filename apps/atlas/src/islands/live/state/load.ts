/** A bounded load: one request with many prompts, because browsers open only a few connections to a server at once. */
import { headersOf, type ServerAddress } from './connection.ts';
import { eventsOf } from './event-reader.ts';
import { isObject, parseObject, type ServerState } from './server-events.ts';

export interface LoadPlan {
  readonly requests: number;
  readonly promptTokens: number;
  /** Tokens at the start of every prompt that all prompts have in common. */
  readonly sharedTokens: number;
  readonly outputTokens: number;
}

export type LoadField = keyof LoadPlan;

/** The server takes this many prompts in one request. */
const promptsMax = 128;

/** The largest value of each field, given the others. */
export function loadLimits(
  { waitingMax, contextMax }: Pick<ServerState, 'waitingMax' | 'contextMax'>,
  { promptTokens, outputTokens }: Pick<LoadPlan, 'promptTokens' | 'outputTokens'>,
): LoadPlan {
  return {
    requests: Math.min(waitingMax, promptsMax),
    promptTokens: Math.max(1, contextMax - outputTokens),
    sharedTokens: promptTokens,
    outputTokens: Math.max(1, contextMax - promptTokens),
  };
}

/** A load that shows waiting and sharing, within the limits of a small server too. */
export function usualLoad(server: Pick<ServerState, 'waitingMax' | 'contextMax'> | null): LoadPlan {
  const halfContext = server === null ? Number.POSITIVE_INFINITY : Math.max(1, server.contextMax >> 1);
  const promptTokens = Math.min(128, halfContext);
  return {
    requests: Math.min(16, server?.waitingMax ?? promptsMax),
    promptTokens,
    sharedTokens: promptTokens >> 1,
    outputTokens: Math.min(64, halfContext),
  };
}

/** Fields that lie outside their limits. */
export function wrongFields(plan: LoadPlan, limits: LoadPlan): readonly LoadField[] {
  const names = ['requests', 'promptTokens', 'sharedTokens', 'outputTokens'] as const;
  return names.filter((name) => {
    const least = name === 'sharedTokens' ? 0 : 1;
    return !Number.isInteger(plan[name]) || plan[name] < least || plan[name] > limits[name];
  });
}

/** Prompts of random tokens with a common start. `random` returns a number from 0 to 1. */
export function loadPrompts(
  { requests, promptTokens, sharedTokens }: LoadPlan,
  vocabulary: number,
  random: () => number,
): readonly (readonly number[])[] {
  const tokens = (count: number): number[] =>
    Array.from({ length: count }, () => Math.floor(random() * vocabulary));
  const shared = tokens(sharedTokens);
  return Array.from({ length: requests }, () => [...shared, ...tokens(promptTokens - sharedTokens)]);
}

/** Sends the load and counts answers as they end. Throws an Error with the server's words. */
export async function sendLoad(
  address: ServerAddress,
  { plan, vocabulary }: { readonly plan: LoadPlan; readonly vocabulary: number },
  { ended, signal }: { readonly ended: (count: number) => void; readonly signal: AbortSignal },
): Promise<void> {
  const response = await postJson(address, '/v1/completions', signal, {
    prompt: loadPrompts(plan, vocabulary, Math.random),
    max_tokens: plan.outputTokens,
    ignore_eos: true,
    stream: true,
  });
  let count = 0;
  for await (const { data } of eventsOf(response)) {
    const value = parseObject(data);
    if (isObject(value?.error)) throw new Error(String(value.error.message));
    const choices = Array.isArray(value?.choices) ? value.choices : [];
    const news = choices.filter((choice) => isObject(choice) && choice.finish_reason != null).length;
    count += news;
    if (news > 0) ended(count);
  }
  if (count < plan.requests && !signal.aborted) throw new Error('the stream ended early');
}

/** Posts a JSON body. Throws an Error with the server's words if the server refuses it. */
export async function postJson(
  address: ServerAddress,
  path: string,
  signal: AbortSignal,
  body: object,
): Promise<Response> {
  const response = await fetch(address.url + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headersOf(address) },
    body: JSON.stringify(body),
    signal,
  });
  if (response.ok) return response;
  const { error } = parseObject(await response.text()) ?? {};
  throw new Error(isObject(error) ? String(error.message) : `status ${response.status}`);
}
