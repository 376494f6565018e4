/**
 * The example that most pages use: Llama 3.1 8B in 16 bits on one H100, without an engine's reserve, so that the numbers are
 * the arithmetic of model and card. Each function turns one figure of a plan into a number with its derivation.
 */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { roundEstimate } from '@plimsoll/foundation/estimates';
import { modelSpecFromConfig } from '@plimsoll/model-files/config';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type Plan, type PlanRequest, plan, prepare, singleDevice } from '@plimsoll/planner';
import type { LedgerCategory, LedgerEntry } from '@plimsoll/planner/ledger';
import { expertShare, touchedShare } from '@plimsoll/planner/speed';
import { type HardwareRecord, resolveHardware, resolveModel } from '@plimsoll/registry';
import type { ComputedNumber } from './computed-number.ts';

export const referenceModel = 'meta-llama/Llama-3.1-8B-Instruct';
export const referenceHardware = 'h100-sxm-80gb';

/** Differences from the example; the other fields are those of a plan request. */
export interface Variation extends Partial<Omit<PlanRequest, 'spec' | 'hardware' | 'workload'>> {
  readonly model?: string;
  readonly hardware?: string;
  readonly contextTokens?: number;
  readonly users?: number;
  /** Prompt tokens found in a prefix cache. */
  readonly cachedTokens?: number;
}

export function specOf(model: string): ModelSpec {
  const { config, id, quantizationInferred } = resolveModel(model);
  return modelSpecFromConfig(config, {
    id,
    ...(quantizationInferred !== null && { quantizationFromName: quantizationInferred }),
  });
}

export function referencePlan(variation: Variation = {}): Plan {
  return plan(requestFor(variation));
}

export function requestFor(variation: Variation = {}): PlanRequest {
  const { model, hardware, contextTokens = 8192, users = 1, cachedTokens, ...request } = variation;
  return {
    spec: specOf(model ?? referenceModel),
    hardware: resolveHardware(hardware ?? referenceHardware),
    parallelism: singleDevice,
    engine: 'none',
    workload: { contextTokens, users, cachedTokens },
    ...request,
  };
}

/** Bytes of the weights of a plan, summed over the ledger. */
export function weightBytes({ ledger }: Plan): ComputedNumber {
  const entries = ledger.entries.filter(({ category }) => category === 'weights');
  return {
    text: formatBytes(sum(entries)),
    derivation: `weights: ${entries.map(({ tag, bytes }) => `${tag} ${formatBytes(bytes)}`).join(' + ')} = ${formatCount(sum(entries))} bytes. ${sources(entries)}`,
  };
}

/** Bytes that one more token of context costs one sequence when every window is full. */
export function cacheBytesPerToken(variation: Variation = {}): ComputedNumber {
  const { groups } = prepare(requestFor(variation));
  const growing = groups.filter(({ tokensMax }) => tokensMax === Number.POSITIVE_INFINITY);
  const bytes = growing.reduce(
    (total, { layers, entryBytes, tokensPerEntry }) => total + (layers * entryBytes) / tokensPerEntry,
    0,
  );
  return {
    text: `${formatCount(bytes)} bytes`,
    derivation: `cache per token: layers that keep every token x bytes per layer and token = ${growing.map(({ layers, terms }) => `${layers} layers x ${terms}`).join(' + ')} = ${formatCount(bytes)} bytes. Source: attention layout of ${variation.model ?? referenceModel}`,
  };
}

/** Bytes of one category of a plan's ledger on the device. */
export function categoryBytes({ ledger }: Plan, category: LedgerCategory): ComputedNumber {
  const entries = ledger.entries.filter((entry) => entry.category === category && entry.tier === 'device');
  return {
    text: formatBytes(sum(entries)),
    derivation: `${entries.map(({ tag, bytes, derivation }) => `${tag} ${formatBytes(bytes)} (${derivation.substituted})`).join(' + ')}. ${sources(entries)}`,
  };
}

/** Cached bytes of one sequence at the plan's context. */
export function cacheBytesPerUser(variation: Variation = {}): ComputedNumber {
  const { ledger, capacity, workload } = referencePlan({ ...variation, users: 1 });
  const entries = ledger.entries.filter(({ category }) => category === 'kv-cache' || category === 'state');
  return {
    text: formatBytes(capacity.bytesPerUser),
    derivation: `cache of ${formatCount(workload.contextTokens)} tokens: ${formulas(entries)} = ${formatCount(capacity.bytesPerUser)} bytes. ${sources(entries)}`,
  };
}

/** Most users of one context length that fit at once. */
export function usersThatFit(variation: Variation): ComputedNumber {
  const { capacity, hardware, workload } = referencePlan(variation);
  return {
    text: formatCount(capacity.usersMax),
    derivation: `users: floor(${formatBytes(capacity.poolBytes)} left for the cache / ${formatBytes(capacity.bytesPerUser)} at ${formatCount(workload.contextTokens)} tokens) = ${formatCount(capacity.usersMax)}. Left for the cache: ${formatBytes(hardware.usableBytes)} usable - ${fixedEntries(variation)}`,
  };
}

/** Memory that is left for the cache after everything that does not depend on users. */
export function poolBytes(variation: Variation = {}): ComputedNumber {
  const { capacity, hardware } = referencePlan(variation);
  return {
    text: formatBytes(capacity.poolBytes),
    derivation: `left for the cache: ${formatBytes(hardware.usableBytes)} usable - ${fixedEntries(variation)} = ${formatBytes(capacity.poolBytes)}`,
  };
}

/** Memory of the device that a process can use. */
export function usableBytes(hardware: string = referenceHardware): ComputedNumber {
  const record = resolveHardware(hardware);
  return {
    text: formatBytes(record.memory.usableBytes),
    derivation: `memory that a process gets: ${formatCount(record.memory.usableBytes)} bytes. ${provenance(record, 'usable')}`,
  };
}

export function bandwidth(hardware: string = referenceHardware): ComputedNumber {
  const record = resolveHardware(hardware);
  return {
    text: `${(record.memory.bandwidthBytesPerSecond / 1e12).toFixed(2)} TB per second`,
    derivation: `memory bandwidth of ${record.name}. ${provenance(record, 'memory')}`,
  };
}

/** Least seconds to read the 16-bit weights that a step needs: all but the table of input embeddings. */
export function readingFloor(hardware: string = referenceHardware): ComputedNumber {
  const record = resolveHardware(hardware);
  const bytes = stepWeightBytes(referencePlan());
  const seconds = bytes / record.memory.bandwidthBytesPerSecond;
  return {
    text: estimatedSeconds(seconds),
    derivation: `least time to read the weights: ${formatCount(bytes)} bytes, without the table of input embeddings / ${formatCount(record.memory.bandwidthBytesPerSecond)} bytes per second. ${provenance(record, 'memory')}`,
  };
}

/** Weights that every decode step of a dense model reads. Of the input embeddings it looks up single rows. */
export function stepWeightBytes({ ledger }: Plan): number {
  return sum(ledger.entries.filter(({ category, tag }) => category === 'weights' && tag !== 'embeddings'));
}

/** Weights that one step of `tokens` reads: all of a dense model, of a mixture the experts that a token is sent to. */
export function weightReads(tokens: number, variation: Variation): ComputedNumber {
  const plan = referencePlan(variation);
  const { always, experts, share, bytes } = weightReadsOf(plan, tokens);
  return {
    text: formatBytes(bytes),
    derivation: `weights that a step of ${countOf(tokens, 'token')} reads: ${formatBytes(always)} without experts and input embeddings + ${(100 * share).toPrecision(3)}% of ${formatBytes(experts)} of experts, of which each token picks its own as if by lot = ${formatBytes(bytes)}. Source: tensor shapes of ${plan.model.id}`,
  };
}

function weightReadsOf(plan: Plan, tokens: number): Record<'always' | 'experts' | 'share' | 'bytes', number> {
  const share = touchedShare(expertShare(specOf(plan.model.id)), tokens);
  const experts = sum(plan.ledger.entries.filter(({ tag }) => tag === 'experts'));
  const always = stepWeightBytes(plan) - experts;
  return { always, experts, share, bytes: always + share * experts };
}

/** Estimated seconds of one decode step in which every user gets one token. */
export function stepTime(variation: Variation): ComputedNumber {
  const plan = referencePlan(variation);
  return {
    text: estimatedSeconds(plan.speed.tpotSeconds),
    derivation: `one decode step, estimated: ${readsOf(plan)}. ${speedSource}`,
  };
}

/** Estimated tokens per second over all users. */
export function tokenRate(variation: Variation): ComputedNumber {
  const plan = referencePlan(variation);
  const { speed, workload } = plan;
  return {
    text: formatCount(roundEstimate(speed.tokensPerSecond)),
    derivation: `tokens per second: ${countOf(workload.users, 'user')} / ${estimatedSeconds(speed.tpotSeconds)} a step, estimated: ${readsOf(plan)}. ${speedSource}`,
  };
}

/** The reads of a step and their memory, with the plan's numbers. */
function readsOf(plan: Plan): string {
  const { capacity, workload, hardware } = plan;
  const cache = `${countOf(workload.users, 'user')} x ${formatBytes(capacity.bytesPerUser)} of cache`;
  return `reading ${formatBytes(weightReadsOf(plan, workload.users).bytes)} of weights and ${cache} at ${bandwidth(hardware.id).text}, and a fixed time per layer and step`;
}

/** Estimated seconds until the first token of one prompt on an idle device. */
export function firstTokenTime(variation: Variation): ComputedNumber {
  const { speed, model } = referencePlan(variation);
  const cached = variation.cachedTokens ?? 0;
  const prompt = `${formatCount(speed.promptTokens)} prompt tokens${cached > 0 ? `, ${formatCount(cached)} of them cached` : ''}`;
  const parameters = `${(model.activeParameters / 1e9).toFixed(2)} billion parameters`;
  return {
    text: estimatedSeconds(speed.ttftSeconds),
    derivation: `one prefill of ${prompt}, estimated: 2 operations for each token computed and each of ${parameters}, attention on top, at the rate of the matrix units. ${speedSource}`,
  };
}

/** A link that carries bytes in one direction. */
export interface Link {
  readonly name: string;
  readonly bytesPerSecond: number;
}

export function pcieLink(hardware: string = referenceHardware): Link {
  return linkOf(hardware, 'pcie');
}

export function nvlinkLink(hardware: string = referenceHardware): Link {
  return linkOf(hardware, 'nvlink');
}

function linkOf(hardware: string, kind: string): Link {
  const { id, links } = resolveHardware(hardware);
  const link = links.find((candidate) => candidate.kind === kind);
  assert(link !== undefined, `${id} has no ${kind} link`);
  return { name: `${link.name}, one direction`, bytesPerSecond: link.bytesPerSecondPerDirection };
}

/** Least seconds that bytes take over a link. */
export function transferTime(bytes: number, link: Link): ComputedNumber {
  return {
    text: estimatedSeconds(bytes / link.bytesPerSecond),
    derivation: `${formatBytes(bytes)} / ${formatCount(link.bytesPerSecond)} bytes per second (${link.name})`,
  };
}

/** The ratio of two quantities, as text for a sentence. */
export function ratio(
  large: number,
  small: number,
  { digits = 0, meaning }: { readonly digits?: number; readonly meaning: string },
): ComputedNumber {
  return {
    text: (large / small).toFixed(digits),
    derivation: `${meaning}: ${readable(large)} / ${readable(small)}`,
  };
}

function readable(value: number): string {
  return Number.isInteger(value) && value < 1e15 ? formatCount(value) : String(Number(value.toPrecision(4)));
}

function countOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Two digits, because an estimate is no more precise. */
export function estimatedSeconds(value: number): string {
  return value < 1 ? `${roundEstimate(value * 1e3)} ms` : `${roundEstimate(value)} s`;
}

const speedSource =
  'The shares of these rates that engines reach are fitted to published measurements (registry record engines/speed)';

function sum(entries: readonly LedgerEntry[]): number {
  return entries.reduce((total, { bytes }) => total + bytes, 0);
}

function formulas(entries: readonly LedgerEntry[]): string {
  const [first] = entries;
  return `${first?.derivation.formula ?? ''} = ${entries.map(({ derivation }) => derivation.substituted).join(' + ')}`;
}

function sources(entries: readonly LedgerEntry[]): string {
  return `Source: ${[...new Set(entries.map(({ derivation }) => derivation.source))].join('; ')}`;
}

/** "14.96 GiB weights", with an engine also its activations, graphs and reserve. */
function fixedEntries(variation: Variation): string {
  const { ledger } = referencePlan(variation);
  const byCategory = new Map<string, number>();
  for (const { category, tier, bytes } of ledger.entries) {
    if (tier !== 'device' || category === 'kv-cache' || category === 'state') continue;
    byCategory.set(category, (byCategory.get(category) ?? 0) + bytes);
  }
  return [...byCategory].map(([category, bytes]) => `${formatBytes(bytes)} ${category}`).join(' - ');
}

function provenance(record: HardwareRecord, group: 'memory' | 'usable'): string {
  return `Source: ${record.provenance[group]?.ref ?? record.id}`;
}
