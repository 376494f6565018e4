/** Reads the names of buffers in a log: they show backend, devices, mapping and repacking. */
import type { BackendKind } from './backends.ts';
import type { BufferSizes, LlamaCppRecord } from './log-record.ts';
import type { RepackForm } from './model-buffers.ts';

export interface BufferNames {
  readonly backend: BackendKind;
  /** Buffer names of the devices, in order, for caches and compute. */
  readonly devices: readonly string[];
  /** Buffer names of the devices for weights: a device that maps files adds `_Mapped`. */
  readonly weights: readonly string[];
  readonly hostWeights: string;
  readonly repackedWeights: string;
  readonly hostCache: string;
  readonly hostCompute: string;
  /** False if the engine read the weights into its own memory. */
  readonly mapped: boolean;
  readonly repack: RepackForm;
}

const hostName = /^(CPU|CPU_Mapped|CPU_REPACK|CPU_AARCH64|AMX|BLAS|.*_Host)$/;

/** Buffer names start with the name of the backend; Vulkan in old forks prints the name of the device. */
const kinds: readonly (readonly [RegExp, BackendKind])[] = [
  [/^CUDA/i, 'cuda'],
  [/^(ROCm|HIP)/i, 'rocm'],
  [/^(Vulkan|Kompute)|RADV|NVIDIA|Radeon/i, 'vulkan'],
  [/^SYCL/i, 'sycl'],
  [/^(Metal|MTL)/i, 'metal'],
];

export function bufferNames(record: LlamaCppRecord): BufferNames {
  const { model_buffers_mib, kv_buffers_mib, compute_buffers_mib } = record.reported;
  const keys = (sizes: BufferSizes | null): readonly string[] => Object.keys(sizes ?? {});
  const weightNames = keys(model_buffers_mib);
  const all = [...weightNames, ...keys(kv_buffers_mib), ...keys(compute_buffers_mib)];
  const devices = deviceNames(record, all);
  const backend = backendOf(record, devices);
  const onDevice = devices.length > 0;
  const names = onDevice ? devices : [];
  const host = weightNames.filter((name) => hostName.test(name));
  const repack = host.some((name) => /REPACK|AARCH64/.test(name))
    ? repackForm(record)
    : host.includes('AMX')
      ? 'amx'
      : 'none';
  const plainHost = host.filter((name) => !/REPACK|AARCH64|AMX/.test(name));
  const compute = keys(compute_buffers_mib).find((name) => hostName.test(name));
  return {
    backend: onDevice ? backend : 'cpu',
    devices: names,
    weights: names.map((name) => weightNames.find((weight) => weight === `${name}_Mapped`) ?? name),
    hostWeights: plainHost.find((name) => name === 'CPU_Mapped') ?? plainHost[0] ?? 'CPU_Mapped',
    repackedWeights: repack === 'amx' ? 'AMX' : 'CPU_REPACK',
    hostCache: keys(kv_buffers_mib).find((name) => hostName.test(name)) ?? 'CPU',
    hostCompute: compute ?? (onDevice && backend !== 'metal' ? `${hostPrefix(backend)}_Host` : 'CPU'),
    mapped:
      plainHost.length === 0 ||
      plainHost.some((name) => /Mapped/.test(name)) ||
      isBeforeMappedNames(record) ||
      record.runtime.startsWith('ik'),
    repack,
  };
}

function repackForm({ build, devices, notes }: LlamaCppRecord): RepackForm {
  const text = [build ?? '', notes, ...devices].join(' ');
  return /arm64|aarch64|android|apple|graviton|snapdragon/i.test(text) ? 'repack-arm' : 'repack-x86';
}

function hostPrefix(backend: BackendKind): string {
  return { cuda: 'CUDA', rocm: 'ROCm', vulkan: 'Vulkan', sycl: 'SYCL', metal: 'CPU', cpu: 'CPU' }[backend];
}

/** Device names from the buffers, or from the record's list of devices if the log has no buffer of a device. */
function deviceNames(record: LlamaCppRecord, names: readonly string[]): readonly string[] {
  const found = new Set<string>();
  for (const name of names) if (!hostName.test(name)) found.add(name.replace(/[_-](Mapped|REPACK)$/, ''));
  if (found.size > 0)
    return [...found].sort((left, right) => left.localeCompare(right, 'en', { numeric: true }));
  return record.devices.filter((device) => !/^CPU/i.test(device)).length > 0 &&
    record.reported.kv_buffers_mib === null
    ? record.devices.map((_, index) => `CUDA${index}`)
    : [];
}

function backendOf(record: LlamaCppRecord, devices: readonly string[]): BackendKind {
  const text = [...devices, ...record.devices, record.build ?? ''];
  for (const name of text) {
    const kind = kinds.find(([pattern]) => pattern.test(name))?.[1];
    if (kind !== undefined) return kind;
  }
  return 'cuda';
}

/** Builds before November 2024 print `CPU` for the mapped file too. */
function isBeforeMappedNames(record: LlamaCppRecord): boolean {
  const build = /\bb(\d{4,5})\b/.exec(record.build ?? '')?.[1];
  return build !== undefined && Number(build) < 3990;
}
