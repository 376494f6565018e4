/** What solvers ask about: a model on its devices, and what some solvers add to it. */
import { assert, formatBytes, PlimsollError } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import { deviceCount } from '../bytes/parallelism.ts';
import { type Deployment, usersMax } from '../deployment/deployment.ts';
import type { PlanRequest } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import type { Workload } from '../question/workload.ts';
import { type LoadPoint, loadPoint } from '../speed/closed-loop.ts';

export interface Subject {
  /** Model, devices, layout, engine and formats of a replica. Solvers replace the workload. */
  readonly replica?: PlanRequest | undefined;
  /** Model that drafts tokens for the model of the replica. */
  readonly draft?: ModelSpec | undefined;
  /** Device of the decode pool. */
  readonly decodeDevice?: HardwareRecord | undefined;
  /** Every device that may be proposed. */
  readonly devices?: readonly HardwareRecord[] | undefined;
}

/** A replica prepared for a workload; its weights fit. */
export interface Replica {
  readonly request: PlanRequest;
  readonly deployment: Deployment;
  readonly devices: number;
  /** US dollars per hour for all devices of the replica; null if the device has no price. */
  readonly perHourUsd: number | null;
}

/** Returns the request of the subject. */
export function requestOf({ replica }: Subject): PlanRequest {
  if (replica !== undefined) return replica;
  throw new PlimsollError({
    code: 'missing-model',
    message: 'this solver needs a model on a device',
    limit: 'a model and --gpu NAME',
    hint: 'plimsoll solve NAME llama-3.1-8b-instruct --gpu h100',
  });
}

/** Prepares a replica. Throws if the engine refuses the request or the weights leave no room for a cache. */
export function prepareReplica(request: PlanRequest, workload: Workload): Replica {
  const asked: PlanRequest = { ...request, workload, usersAreDefault: false };
  const deployment = prepare(asked);
  if (deployment.poolBytes <= 0) {
    throw new PlimsollError({
      code: 'infeasible',
      message: `${request.spec.id} leaves no room for a KV cache on ${request.hardware.name}`,
      value: formatBytes(deployment.capacityBytes - deployment.poolBytes),
      limit: `${formatBytes(deployment.capacityBytes)} on each device`,
      hint: 'a larger --tp, a --weights format of fewer bits, or another --gpu',
    });
  }
  const devices = deployment.devices ?? deviceCount(request.parallelism);
  const { pricePerHourUsd } = deployment.hardware ?? request.hardware;
  return {
    request: asked,
    deployment,
    devices,
    perHourUsd: pricePerHourUsd === null ? null : pricePerHourUsd * devices,
  };
}

/** Refuses layouts whose steps differ between devices or stages: `stepSeconds` counts a step of one group of devices. */
export function assertOneGroup({ request }: Replica): void {
  const { pipeline, data } = request.parallelism;
  if (pipeline === 1 && data === 1) return;
  throw new PlimsollError({
    code: 'unsupported-layout',
    message: 'this solver counts single steps, which pipeline stages and data groups divide',
    value: `pp${pipeline} dp${data}`,
    limit: 'pp1 dp1',
    hint: '--tp instead of --pp and --dp',
  });
}

/** Tokens of one request. */
export interface RequestTokens {
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens?: number;
}

/** Refuses requests that are longer than the context of the deployment. */
export function assertInContext({ deployment, request }: Replica, tokens: number): void {
  if (tokens <= deployment.contextMax) return;
  throw new PlimsollError({
    code: 'context-too-long',
    message: `${request.spec.id} accepts ${deployment.contextMax} tokens, and a request has ${tokens}`,
    value: tokens,
    limit: deployment.contextMax,
    hint: 'fewer prompt or output tokens',
  });
}

/** Refuses a prompt without a token to compute. */
export function assertUncached({
  promptTokens,
  cachedTokens = 0,
}: Omit<RequestTokens, 'outputTokens'>): void {
  if (cachedTokens < promptTokens) return;
  throw new PlimsollError({
    code: 'bad-input',
    message: `--cached-tokens ${cachedTokens} leaves nothing of the prompt to compute`,
    value: cachedTokens,
    limit: `less than the prompt of ${promptTokens} tokens`,
    hint: 'the last token of a prompt is always computed',
  });
}

/** A replica for requests of one size, of which it holds at least one. */
export interface ServingReplica extends Replica {
  /** Requests that fit at once. */
  readonly held: number;
}

/** Prepares the replica of the subject for requests of this size. */
export function servingReplica(subject: Subject, tokens: RequestTokens): ServingReplica {
  assertUncached(tokens);
  const contextTokens = tokens.promptTokens + tokens.outputTokens;
  const replica = prepareReplica(requestOf(subject), { contextTokens, users: 1 });
  assertInContext(replica, contextTokens);
  const held = usersMax(replica.deployment, contextTokens);
  if (held > 0) return { ...replica, held };
  throw infeasible('the cache does not hold one request', {
    value: `${contextTokens} tokens`,
    hint: 'fewer tokens, a larger --tp, a --kv format of fewer bits, or another --gpu',
  });
}

/** Refuses more requests than the replica holds. */
export function assertHeld({ held }: ServingReplica, users: number): void {
  if (users <= held) return;
  throw infeasible(`memory holds ${held} of the ${users} requests`, {
    ...{ value: users, limit: held, hint: 'fewer --users, a larger --tp, or another --gpu' },
  });
}

/**
 * Returns throughput and latencies of `concurrency` equal requests on a replica, where every finished request is followed
 * by the next. Prompts are prefilled one after another, as in the price of a plan.
 */
export function servingPoint(replica: Replica, tokens: RequestTokens, concurrency: number): LoadPoint {
  assert(concurrency > 0, `a replica serves at least a part of a request, not ${concurrency}`);
  const { data, pipeline } = replica.request.parallelism;
  return loadPoint(replica.deployment.speed, {
    inputTokens: tokens.promptTokens,
    cachedTokens: tokens.cachedTokens,
    outputTokens: tokens.outputTokens,
    concurrency,
    activeMax: concurrency,
    batchTokens: tokens.promptTokens,
    pipeline,
    groups: data,
    lengthSpread: 1,
    requestSeconds: 0,
  });
}

/** The error for a question that no value answers; the program exits with 2. */
export function infeasible(
  message: string,
  details: { readonly value?: string | number; readonly limit?: string | number; readonly hint: string },
): PlimsollError {
  return new PlimsollError({ code: 'infeasible', message, ...details });
}
