/** Turns device weights into ledger entries that say how many parameters in which format they are. */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from './ledger.ts';
import { createMemo, remember } from './memo.ts';
import type { Parallelism } from './parallelism.ts';
import type { WeightFormat } from './weight-format.ts';
import type { DeviceWeights } from './weights.ts';

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
  const share = parallelism.tensor > 1 ? ` / ${parallelism.tensor} devices` : '';
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
        substituted: `${formatCount(part.elements)} elements${share} in ${format.label}: ${((part.bytes * 8) / part.elements).toFixed(3)} bits each`,
        source: `tensor shapes of ${spec.id} (${spec.source})`,
      },
    }));
}
