/** Computes the cache of one device: the bytes that the share or a flag leaves for it, and the blocks in them. */
import { bytes } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import { fixedDeviceBytes } from '../../deployment/deployment.ts';
import type { VllmSettings } from './defaults.ts';
import type { BlockLayout } from './kv-blocks.ts';

export interface Pool {
  /** Entries of the device with the memory that the engine leaves alone. */
  readonly fixed: readonly LedgerEntry[];
  /** Bytes for the cache before they are cut into blocks; negative if the other entries exceed the share. */
  readonly availableBytes: number;
  readonly blocks: number;
}

export function poolOf(
  held: readonly LedgerEntry[],
  layout: BlockLayout,
  start: { readonly hardware: HardwareRecord; readonly settings: VllmSettings },
): Pool {
  const { hardware, settings } = start;
  const total = hardware.memory.usableBytes;
  const heldBytes = fixedDeviceBytes(held);
  const asked = settings.kvCacheBytes;
  const shareBytes = Math.ceil(total * settings.utilization);
  const availableBytes = asked === null ? shareBytes - heldBytes : Math.min(asked, total - heldBytes);
  const counted =
    availableBytes > 0 && layout.blockBytes > 0 ? Math.floor(availableBytes / layout.blockBytes) : 0;
  const fixed = [
    ...held,
    asked === null ? headroomEntry(total, settings) : restEntry(total - heldBytes - availableBytes),
  ];
  return { fixed, availableBytes, blocks: settings.blocksOverride ?? counted };
}

/** The share of the device that the engine leaves alone. The CUDA context lies in it. */
function headroomEntry(total: number, settings: VllmSettings): LedgerEntry {
  return {
    category: 'headroom',
    tag: 'above --gpu-memory-utilization',
    tier: 'device',
    bytes: bytes(total - Math.ceil(total * settings.utilization)),
    derivation: {
      formula: 'total - ceil(total x utilisation)',
      substituted: `${total} - ceil(${total} x ${settings.utilization})`,
      source: 'vllm/v1/worker/utils.py, request_memory',
    },
  };
}

/** Memory that nothing uses where a flag sets the bytes of the cache. */
function restEntry(restBytes: number): LedgerEntry {
  return {
    category: 'headroom',
    tag: 'beside --kv-cache-memory-bytes',
    tier: 'device',
    bytes: bytes(Math.max(0, restBytes)),
    derivation: {
      formula: 'total - held - cache',
      substituted: String(Math.max(0, restBytes)),
      source: 'vllm/v1/worker/gpu_worker.py, determine_available_memory',
    },
  };
}
