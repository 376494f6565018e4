/** Ledger entries of the contexts for speculative decoding: those of the fullest device and of the host. */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { LedgerEntry, MemoryTier } from '../../bytes/ledger.ts';
import type { CompanionMemory } from './companions.ts';
import type { BackendMemory } from './engine-memory.ts';

export function companionEntries(
  companions: readonly CompanionMemory[],
  device: number,
  unifiedMemory: boolean,
): readonly LedgerEntry[] {
  return companions.flatMap((memory) => {
    const onDevice = memory.devices[device];
    const hostTier: MemoryTier = unifiedMemory || memory.devices.length === 0 ? 'device' : 'host';
    return [
      ...(onDevice === undefined ? [] : partEntries(memory, onDevice, 'device', '')),
      ...partEntries(memory, memory.host, hostTier, ', CPU'),
      entry(memory, { tag: 'logits, CPU', tier: hostTier, amount: memory.outputBytes }),
    ].filter((own) => own.bytes > 0);
  });
}

function partEntries(
  memory: CompanionMemory,
  part: BackendMemory,
  tier: MemoryTier,
  place: string,
): readonly LedgerEntry[] {
  return [
    entry(memory, { tag: `weights${place}`, tier, amount: part.weights }),
    entry(memory, { tag: `cache and state${place}`, tier, amount: part.cache + part.state }),
    entry(memory, { tag: `compute buffer${place}`, tier, amount: part.compute }),
  ];
}

function entry(
  { title, options, cells }: CompanionMemory,
  { tag, tier, amount }: { readonly tag: string; readonly tier: MemoryTier; readonly amount: number },
): LedgerEntry {
  return {
    category: 'draft',
    tag: `${title}: ${tag}`,
    tier,
    bytes: bytes(amount),
    derivation: {
      formula: `a second context with the rules of the first: ${formatCount(cells.full)} cells, ${options.sequences} sequence(s), batches of ${options.microBatchTokens}`,
      substituted: formatCount(amount),
      source: 'llama.cpp common/speculative.cpp, common_base_params_to_speculative',
    },
  };
}
