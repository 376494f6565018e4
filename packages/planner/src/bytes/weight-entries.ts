/**
 * Turns device weights into ledger entries that count the elements of each type. The counts are per device, so that the
 * numbers of a derivation give its bytes: some tensors are cut over the devices, others are whole on each.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from './ledger.ts';
import { createMemo, remember } from './memo.ts';
import type { Parallelism } from './parallelism.ts';
import type { WeightFormat } from './weight-format.ts';
import type { DeviceWeights, WeightShare } from './weights.ts';

/** Returns one ledger entry for each tag that has bytes on the device. */
export function weightEntries(
  spec: ModelSpec,
  weights: DeviceWeights,
  format: WeightFormat,
  parallelism: Parallelism,
): readonly LedgerEntry[] {
  return remember(entryMemo, weights, `${spec.id}|${format.label}`, () =>
    entriesOf(spec, weights, format, parallelism),
  );
}

const entryMemo = createMemo<readonly LedgerEntry[]>();

function entriesOf(
  spec: ModelSpec,
  weights: DeviceWeights,
  format: WeightFormat,
  parallelism: Parallelism,
): readonly LedgerEntry[] {
  return [...weights.byTag]
    .filter(([, part]) => part.bytes > 0)
    .map(([tag, part]) => ({
      category: 'weights',
      tag,
      tier: 'device',
      bytes: bytes(Math.round(part.bytes)),
      derivation: {
        formula:
          tag === 'position tables'
            ? 'positions x rotated dimensions x bytes, on every device'
            : `sum over tensors of elements x bits / 8, with scales and zero points${format.allocate === undefined ? '' : ', rounded up as the allocator does'}`,
        substituted: storedElements(part) + holders(part, parallelism),
        source: `tensor shapes of ${spec.id} (${spec.source})`,
      },
    }));
}

/** Decimal places of a fractional bit width: the blocks of GGUF files need at most four. */
const bitDigits = 4;

/** Formats "1,024 elements of int4 x 4 bits / 8 + 64 elements of bf16 x 2 B + 128 B of scales". */
function storedElements({ bytes: total, stored }: WeightShare): string {
  let rest = Math.round(total);
  let hasScales = false;
  const terms = [...stored.values()].map((part) => {
    const bits = Number(part.bits.toFixed(bitDigits));
    const elements = Math.round(part.elements);
    rest -= (elements * bits) / 8;
    hasScales ||= bits <= 8;
    const each = bits % 8 === 0 ? `${bits / 8} B` : `${bits} bits / 8`;
    return `${formatCount(elements)} elements of ${part.type} x ${each}`;
  });
  if (Math.abs(rest) < 1) return terms.join(' + ');
  const what = hasScales ? 'scales, zero points and rounding' : 'rounding';
  return `${terms.join(' + ')} ${rest < 0 ? '-' : '+'} ${formatCount(Math.abs(rest))} B of ${what}`;
}

/** Names the devices that hold these elements; empty for a single device. */
function holders({ elements, wholeElements }: WeightShare, parallelism: Parallelism): string {
  const { tensor, pipeline, data } = parallelism;
  const ways = tensor * data;
  const stage = pipeline > 1 ? ' of a stage' : '';
  if (ways === 1) return pipeline > 1 ? `, on the device${stage}` : '';
  const same = elements === wholeElements ? 'the same ' : '';
  return `, ${same}on each of ${ways} devices${stage}`;
}
