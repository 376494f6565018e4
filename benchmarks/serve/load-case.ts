/**
 * The load that servers get: requests with random token ids as prompts, fixed output lengths and, in an open loop,
 * fixed arrival times. The same seed gives every server the same load. A new turn has new prompts, so no turn finds the
 * prompts of an earlier turn in a prefix cache.
 */
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';

export interface PlannedRequest {
  readonly prompt: readonly number[];
  readonly outputTokens: number;
  /** Seconds from the start of the turn; null in a closed loop. */
  readonly atSeconds: number | null;
}

export interface LoadCase {
  readonly name: string;
  readonly explanation: string;
  /** Clients of a closed loop, each with one request at a time; null in an open loop, which never waits for answers. */
  readonly clients: number | null;
  /** True for cases that only some models get in a full run. */
  readonly isWide: boolean;
  requests(options: LoadOptions): readonly PlannedRequest[];
}

export interface LoadOptions {
  readonly turn: number;
  /** Prompts have ids below this number. */
  readonly ordinaryTokens: number;
  /** 1 for the smallest model; a model that is half as fast gets half of the requests and of the arrival rate. */
  readonly scale: number;
}

const seed = 32_08;
const usual = { promptTokens: 32, outputTokens: 32 };
const openLoop = { requests: 20, perSecond: 3, promptTokens: 64, outputTokens: 32 };
const sharedTokens = 256;

export const loadCases: readonly LoadCase[] = [
  closedLoop(1, 4),
  closedLoop(8, 24),
  closedLoop(32, 64),
  {
    name: 'open loop',
    explanation: `requests arrive at random (Poisson), ${openLoop.perSecond} per second for 135M and fewer for larger models, ${openLoop.promptTokens} tokens in and ${openLoop.outputTokens} out`,
    clients: null,
    isWide: true,
    requests(options) {
      const random = randomOf(this.name, options);
      const perSecond = openLoop.perSecond * options.scale;
      let atSeconds = 0;
      return Array.from({ length: scaled(openLoop.requests, options.scale) }, () => {
        atSeconds += -Math.log(1 - random()) / perSecond;
        const prompt = tokens(random, openLoop.promptTokens, options);
        return { prompt, outputTokens: openLoop.outputTokens, atSeconds };
      });
    },
  },
  {
    name: 'mixed lengths',
    explanation: '8 clients, 16 to 512 tokens in and 8 to 96 out, both spread evenly over the magnitudes',
    clients: 8,
    isWide: true,
    requests(options) {
      const random = randomOf(this.name, options);
      return Array.from({ length: scaled(24, options.scale) }, () => ({
        prompt: tokens(random, magnitude(random, 16, 512), options),
        outputTokens: magnitude(random, 8, 96),
        atSeconds: null,
      }));
    },
  },
  {
    name: 'shared prompt',
    explanation: `8 clients, a prompt of ${sharedTokens} tokens that all requests of a turn share, ${usual.promptTokens} of their own, ${usual.outputTokens} out`,
    clients: 8,
    isWide: true,
    requests(options) {
      const random = randomOf(this.name, options);
      const shared = tokens(random, sharedTokens, options);
      return Array.from({ length: scaled(24, options.scale) }, () => ({
        prompt: [...shared, ...tokens(random, usual.promptTokens, options)],
        outputTokens: usual.outputTokens,
        atSeconds: null,
      }));
    },
  },
];

function closedLoop(clients: number, requestCount: number): LoadCase {
  return {
    name: clients === 1 ? '1 client' : `${clients} clients`,
    explanation: `closed loop, ${usual.promptTokens} tokens in and ${usual.outputTokens} out`,
    clients,
    isWide: false,
    requests(options) {
      const random = randomOf(this.name, options);
      return Array.from({ length: Math.max(clients, scaled(requestCount, options.scale)) }, () => ({
        prompt: tokens(random, usual.promptTokens, options),
        outputTokens: usual.outputTokens,
        atSeconds: null,
      }));
    },
  };
}

function randomOf(name: string, { turn }: LoadOptions): Random {
  const index = loadCases.findIndex((one) => one.name === name);
  return seededRandom(seed + 100 * turn + index);
}

function tokens(random: Random, length: number, { ordinaryTokens }: LoadOptions): number[] {
  return Array.from({ length }, () => randomInteger(random, 0, ordinaryTokens));
}

function magnitude(random: Random, least: number, most: number): number {
  return Math.round(least * (most / least) ** random());
}

function scaled(count: number, scale: number): number {
  return Math.max(2, Math.round(count * scale));
}
