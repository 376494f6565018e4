/** `--cpu-offload-gb`: weights that stay in host memory and are read over the bus in every step (vllm/model_executor/offloader). */
import { bytes } from '@plimsoll/foundation';
import type { LedgerEntry } from '../../bytes/ledger.ts';

/** Takes the offloaded bytes from the entries of a device and lists them for the host. */
export function offloadWeights(
  entries: readonly LedgerEntry[],
  offloadBytes: number,
): readonly LedgerEntry[] {
  if (offloadBytes <= 0) return entries;
  let left = offloadBytes;
  // Parameters of decoder layers move; embeddings and the head stay.
  const kept = entries.map((entry) => {
    if (entry.tier !== 'device' || ['embeddings', 'head', 'vision'].includes(entry.tag)) return entry;
    const moved = Math.min(left, entry.bytes);
    if (moved === 0) return entry;
    left -= moved;
    const { derivation } = entry;
    return {
      ...entry,
      bytes: bytes(entry.bytes - moved),
      derivation: {
        ...derivation,
        formula: `${derivation.formula} - offloaded`,
        substituted: `${derivation.substituted} - ${moved}`,
      },
    };
  });
  const host: LedgerEntry = {
    category: 'weights',
    tag: 'offloaded weights',
    tier: 'host',
    bytes: bytes(offloadBytes - left),
    derivation: {
      formula: 'the smaller of --cpu-offload-gb and the layers',
      substituted: String(offloadBytes - left),
      source: 'vllm/model_executor/models/utils.py, maybe_offload_to_cpu',
    },
  };
  return [...kept, host];
}
