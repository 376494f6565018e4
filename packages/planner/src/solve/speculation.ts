/** Speculative decoding: a draft model proposes tokens, and the model verifies them in one step. */
import { formatBytes, PlimsollError } from '@plimsoll/foundation';
import { neededBytes } from '../deployment/deployment.ts';
import type { LoadEntry } from '../speed/step-load.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import {
  assertInContext,
  assertOneGroup,
  infeasible,
  prepareReplica,
  type Replica,
  requestOf,
  type Subject,
} from './subject.ts';

export const speculation: Solver = defineSolver({
  name: 'speculation',
  summary: 'how many tokens to draft, what a draft model gains, and when it loses',
  needs: ['replica', 'draft'],
  inputs: {
    acceptance: {
      kind: 'numbers',
      unit: 'share',
      words: 'chance that a draft is accepted if those before it are, by position; the last value repeats',
      least: 0,
      most: 1,
      default: [0.7],
    },
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode at once',
      least: 1,
      most: 4096,
      default: 1,
    },
    contextTokens: tokensInput({ words: 'tokens that each of them holds', default: 2048 }),
    draftTokens: {
      kind: 'number',
      unit: 'count',
      words: 'tokens to draft (default: the best number)',
      least: 1,
      most: 32,
      default: null,
    },
    draftCost: {
      kind: 'number',
      unit: 'share',
      words: 'time of one draft step over a step of the model, for drafts without a model of their own',
      least: 0,
      most: 10,
      default: null,
    },
  },
  outputs: {
    draftTokens: { unit: 'count', words: 'drafted tokens of a step' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token with these drafts' },
    plainTpotSeconds: { unit: 'seconds', words: 'time per output token without drafts' },
    speedup: { unit: 'ratio', words: 'tokens per second over those without drafts' },
    tokensPerStep: { unit: 'ratio', words: 'tokens that a step of the model yields' },
    draftStepSeconds: { unit: 'seconds', words: 'one step of the draft model' },
    verifySeconds: { unit: 'seconds', words: 'step of the model with all drafts' },
    verifyOverPlain: { unit: 'ratio', words: 'that step over a step without drafts' },
    breakEvenAcceptance: {
      unit: 'share',
      words: 'acceptance of every position from which one draft token pays',
    },
    draftBytes: { unit: 'bytes', words: 'weights and cache of the draft model on one device' },
    pays: { unit: 'boolean', words: 'faster than without drafts' },
  },
  columns: {
    draftTokens: { unit: 'count', words: 'drafts' },
    tokensPerStep: { unit: 'ratio', words: 'tokens per step' },
    verifySeconds: { unit: 'seconds', words: 'verify' },
    tpotSeconds: { unit: 'seconds', words: 'per token' },
    speedup: { unit: 'ratio', words: 'speedup' },
  },
  formula: [
    'tokens of a step = 1 + a1 + a1 a2 + ... (the bonus token and every accepted draft)',
    'time of a step = drafts x step of the draft model + a step of the model with drafts + 1 tokens of each request',
    'speedup = tokens of a step x plain step / time of a step; break-even acceptance = the a at which one draft gives 1',
  ],
  limits: [
    'Positions accept independently of the text. Acceptance is measured, not computed: it depends on model pair, text and temperature.',
    'One chain of drafts; trees verify more tokens.',
    'Draft and model run one after another on the same devices.',
  ],
  sources: [
    'Leviathan et al., Fast Inference from Transformers via Speculative Decoding, ICML 2023',
    'mlsysim 0.3.0, ServingModel with draft_model: always four drafts, one acceptance, no cache of the draft in memory, and a verification that costs no more than a plain step.',
  ],
  example:
    'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --draft llama-3.2-1b-instruct --acceptance 0.8,0.7,0.6',
  solve(values, subject) {
    const replica = prepareReplica(requestOf(subject), values);
    assertInContext(replica, values.contextTokens);
    assertOneGroup(replica);
    const drafter = drafterOf(subject, values, replica);
    const plain = verifySeconds(replica, values, 0);
    const draftStep = drafter === null ? (values.draftCost ?? 0) * plain : drafter.seconds;
    const at = (draftTokens: number): Point =>
      pointOf({
        draftTokens,
        plain,
        draftStep,
        acceptance: values.acceptance,
        verify: verifySeconds(replica, values, draftTokens),
      });
    const points = Array.from({ length: draftsMax }, (_, index) => at(index + 1));
    const best = points.reduce((left, right) => (right.speedup > left.speedup ? right : left));
    const chosen = values.draftTokens === null ? best : at(values.draftTokens);
    return {
      outputs: {
        ...chosen,
        plainTpotSeconds: plain,
        draftStepSeconds: draftStep,
        verifyOverPlain: chosen.verifySeconds / plain,
        breakEvenAcceptance: Math.min(1, (draftStep + at(1).verifySeconds) / plain - 1),
        draftBytes: drafter === null ? null : drafter.bytes,
        pays: chosen.speedup > 1,
      },
      rows: points,
      notes: best.speedup > 1 ? [] : ['no number of drafts pays at this load: decode without them'],
    };
  },
});

/** Largest number of drafts that the table has. */
const draftsMax = 8;

interface Point {
  readonly draftTokens: number;
  readonly tokensPerStep: number;
  readonly verifySeconds: number;
  readonly tpotSeconds: number;
  readonly speedup: number;
}

interface Round {
  readonly draftTokens: number;
  readonly plain: number;
  readonly draftStep: number;
  readonly verify: number;
  readonly acceptance: readonly number[];
}

function pointOf({ draftTokens, plain, draftStep, verify, acceptance }: Round): Point {
  const tokensPerStep = expectedTokens(acceptance, draftTokens);
  const tpotSeconds = (draftTokens * draftStep + verify) / tokensPerStep;
  return { draftTokens, tokensPerStep, verifySeconds: verify, tpotSeconds, speedup: plain / tpotSeconds };
}

/** Returns the expected tokens of a step: the model's own, and every draft whose predecessors are accepted. */
export function expectedTokens(acceptance: readonly number[], draftTokens: number): number {
  let tokens = 1;
  let reached = 1;
  for (let position = 0; position < draftTokens; position++) {
    reached *= acceptance[position] ?? acceptance.at(-1) ?? 0;
    tokens += reached;
  }
  return tokens;
}

interface Decodes {
  readonly users: number;
  readonly contextTokens: number;
}

/** Seconds of a step in which every request has its token and the drafts after it. */
function verifySeconds(
  { deployment }: Replica,
  { users, contextTokens }: Decodes,
  draftTokens: number,
): number {
  const rows = draftTokens + 1;
  const entry: LoadEntry = { kind: 'decode', start: contextTokens, count: rows, sampledRows: rows };
  return deployment.speed.stepSeconds(new Array<LoadEntry>(users).fill(entry));
}

interface Drafter {
  readonly seconds: number;
  readonly bytes: number;
}

/** Prepares the draft model on the devices of the replica. Null if the user states the cost of a draft. */
function drafterOf(
  { draft }: Subject,
  values: Decodes & { readonly draftCost: number | null },
  replica: Replica,
): Drafter | null {
  if (values.draftCost !== null) return null;
  if (draft === undefined) throw withoutDraft();
  const drafting = prepareReplica({ ...replica.request, spec: draft, weights: undefined }, values);
  const { deployment } = drafting;
  const bytes = deployment.weightBytes + neededBytes(deployment, values.users, values.contextTokens);
  const room =
    replica.deployment.poolBytes - neededBytes(replica.deployment, values.users, values.contextTokens);
  if (bytes > room) {
    throw infeasible('the draft model does not fit beside the model and its cache', {
      value: formatBytes(bytes),
      limit: formatBytes(Math.max(0, room)),
      hint: 'fewer users, a smaller draft model, or a larger --tp',
    });
  }
  return { seconds: verifySeconds(drafting, values, 0), bytes };
}

function withoutDraft(): PlimsollError {
  return new PlimsollError({
    code: 'missing-draft',
    message: 'the solver speculation needs a draft model or its cost',
    limit: '--draft MODEL or --draft-cost SHARE',
    hint: '--draft llama-3.2-1b-instruct',
  });
}
