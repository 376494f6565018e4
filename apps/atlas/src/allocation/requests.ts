/**
 * The requests of a run. Their lengths come from a production trace, and some begin with the same instructions, like the
 * requests of one application. The seed decides everything.
 */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import lengths from '@plimsoll/registry/engines/request-lengths.json' with { type: 'json' };

export interface ChatRequest {
  readonly id: number;
  /** Step at which it arrives. */
  readonly arrivesAt: number;
  readonly prompt: readonly number[];
  /** Length of the answer. The server learns it only when the answer ends. */
  readonly outputTokens: number;
}

export interface RequestOptions {
  readonly seed: number;
  readonly count: number;
  /** Steps between arrivals, on average. */
  readonly stepsBetween: number;
  /** Longer prompts are cut, as a service with this limit would. */
  readonly promptTokensMax: number;
  readonly outputTokensMax: number;
  /** Share of the requests that begin with the common instructions. */
  readonly sharedShare: number;
  readonly sharedTokens: number;
}

/** Ids from here on are unique to one request, so that requests share the common instructions alone. */
const ownTokensFrom = 1_000_000;
const ownTokensEach = 10_000;

export function drawRequests(options: RequestOptions): readonly ChatRequest[] {
  const random = seededRandom(options.seed);
  let arrivesAt = 0;
  return Array.from({ length: options.count }, (_, id) => {
    const request = drawRequest(id, arrivesAt, random, options);
    arrivesAt += Math.round(-Math.log(1 - random()) * options.stepsBetween);
    return request;
  });
}

function drawRequest(id: number, arrivesAt: number, random: Random, options: RequestOptions): ChatRequest {
  const [promptTokens = 1, outputTokens = 1] =
    lengths.requests[randomInteger(random, 0, lengths.requests.length)] ?? [];
  const isShared = random() < options.sharedShare;
  const length = Math.min(options.promptTokensMax, Math.max(1, promptTokens));
  const sharedTokens = isShared ? options.sharedTokens : 0;
  const prompt = Array.from({ length }, (_, index) =>
    index < sharedTokens ? index : ownTokensFrom + id * ownTokensEach + index,
  );
  return {
    id,
    arrivesAt,
    prompt,
    outputTokens: Math.min(options.outputTokensMax, Math.max(1, outputTokens)),
  };
}
