/**
 * Finds a fact that decides the pools and that a log record omits: the share, a cap, slots, the draft model or the release.
 * `validate` does not compare the figures of such a record, because no plan of its inputs can meet them; it lists the reason.
 */
import { formatBytes, GiB } from '@plimsoll/foundation';
import table from '@plimsoll/registry/engines/sglang-releases.json' with { type: 'json' };
import { numberField, type RawRecord, type ReportedFields, textField } from '../contract/log-record.ts';
import type { SglangDeployment } from './deployment.ts';

interface GapInput {
  readonly record: RawRecord;
  readonly reported: ReportedFields;
  /** The plan from the memory that the log prints. */
  readonly given: SglangDeployment;
  /** The plan under another release; null if that release refuses the record. */
  readonly under: (version: string) => SglangDeployment | null;
}

/** Returns the first reason why the inputs of a record do not determine its pools; null if they do. */
export function poolGap(input: GapInput): string | null {
  return draftGap(input) ?? releaseGap(input) ?? capGap(input) ?? slotGap(input) ?? shareGap(input);
}

/** Returns the reason why a plan from the inputs alone cannot meet the memory of a log; null if it can. */
export function memoryGap(
  { freeBeforeBytes, weights }: SglangDeployment['stage'],
  reported: ReportedFields,
  capacityBytes: number,
): string | null {
  const loaded = bytesField(reported, 'weights_gib');
  const after = bytesField(reported, 'avail_after_weights_gib');
  const derived = after === null ? null : after + (loaded ?? weights.bytes);
  const before = bytesField(reported, 'avail_before_weights_gib') ?? derived;
  const held = before === null ? 0 : freeBeforeBytes - before;
  if (held > capacityBytes * foreignShareMin) return `other programs held ${formatBytes(held)} of the device`;
  if (loaded === null || Math.abs(weights.bytes / loaded - 1) <= checkpointDifferenceMax) return null;
  return `the log loaded ${formatBytes(loaded)} of weights, and the named checkpoint has ${formatBytes(weights.bytes)}`;
}

/** Contexts and drivers differ by less than this share of a card. */
const foreignShareMin = 0.1;
/** The next narrower format has half of the bytes. */
const checkpointDifferenceMax = 0.3;

/** From 0.5.14 the weights and the cache of a draft come from the budget. */
function draftGap({ record, given }: GapInput): string | null {
  const { settings, stage, release } = given;
  if (settings.speculation === null || release.number < 5.14) return null;
  const typed = textField(record, 'speculative') ?? '';
  const isOwn = stage.draft !== null && /MTP|NEXTN|^EAGLE$/i.test(typed);
  return isOwn ? null : `the draft model of "${typed}" is not named, and its memory comes from the budget`;
}

/** Without release and date, every release that plans the record may have printed the log. */
function releaseGap({ given, under }: GapInput): string | null {
  if (given.release.from !== 'newest') return null;
  let [least, most] = [given, given];
  for (const { version } of table.releases) {
    const other = under(version);
    if (other === null || other.release.number < oldestNumber) continue;
    if (other.pools.tokens < least.pools.tokens) least = other;
    if (other.pools.tokens > most.pools.tokens) most = other;
  }
  if (most.pools.tokens <= least.pools.tokens * (1 + spreadMax)) return null;
  return `neither release nor date is stated: ${least.pools.tokens} tokens under ${least.release.version}, ${most.pools.tokens} under ${most.release.version}`;
}

/** Releases that a log without a date is compared with: hybrids and sparse attention are complete from 0.5.4. */
const oldestNumber = 5.04;
const spreadMax = 0.05;

/** More memory than the reserve and half of the budget is free after the pools. */
function capGap({ reported, given }: GapInput): string | null {
  const { stage, pools } = given;
  const left = bytesField(reported, 'avail_after_pool_gib');
  if (left === null || stage.draft !== null || left <= stage.freeAfterBytes - pools.restBytes / 2)
    return null;
  return `${formatBytes(left)} are free after the pools, so that a limit such as --max-total-tokens caps them, which is not stated`;
}

function slotGap({ reported, given }: GapInput): string | null {
  const printed = numberField(reported, 'state_slots');
  const planned = given.pools.state?.slots;
  if (printed === undefined || planned === undefined) return null;
  if (Math.abs(planned - printed) <= Math.max(2, printed * 0.1)) return null;
  return `the log has ${printed} slots of recurrent state and the defaults give ${planned}: the flag that sets them is not stated`;
}

/** A share that is not stated: the printed sizes of the pools show whether it is the default. */
function shareGap({ record, reported, given }: GapInput): string | null {
  if (numberField(record, 'mem_fraction_static') !== undefined) return null;
  const { stage, settings, pools } = given;
  const cache = bytesField(reported, 'kv_gib');
  const isPrinted = bytesField(reported, 'avail_after_weights_gib') !== null;
  if (cache === null || !isPrinted || stage.draft !== null) return null;
  const states = bytesField(reported, 'state_gib') ?? 0;
  // Pools can take more than the budget counts for them.
  const counted = (cache * (pools.restBytes - (pools.state?.bytes ?? 0))) / pools.kvBytes;
  const share = 1 - (stage.freeAfterBytes - counted - states) / stage.freeBeforeBytes;
  if (Math.abs(share - settings.memFractionStatic) <= shareTolerance) return null;
  return `the share is not stated: the pools take ${share.toFixed(3)} of the memory, and the default is ${settings.memFractionStatic.toFixed(3)}`;
}

/** Logs print hundredths of a GiB; a default has three digits. */
const shareTolerance = 0.006;

function bytesField(reported: ReportedFields, key: string): number | null {
  const gib = numberField(reported, key);
  return gib === undefined ? null : gib * GiB;
}
