/** `plimsoll audit`: the devices of this machine as its drivers report them, and their registry records. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, freemem, totalmem } from 'node:os';
import { formatBytes, MiB } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import { type HardwareRecord, resolveHardware } from '@plimsoll/registry';
import { Command } from 'commander';
import { printJson, printText } from '../output.ts';
import { renderTable } from '../render/table.ts';

interface FoundDevice {
  readonly name: string;
  readonly driver: string;
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** Registry id; null if no record matches the driver's name. */
  readonly registryId: string | null;
}

interface Audit {
  readonly devices: readonly FoundDevice[];
  readonly processor: { readonly name: string; readonly threads: number };
  readonly memory: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    /** Limit of this process's control group; null if there is none. */
    readonly limitBytes: number | null;
  };
}

export function auditCommand(): Command {
  return new Command('audit')
    .description('Show the GPUs, processor and memory of this machine')
    .option('--json', 'print the findings as JSON (plimsoll schema audit)')
    .action((flags: { json?: boolean }) => {
      const audit = auditMachine();
      if (flags.json === true) printJson(audit);
      else printText(renderAudit(audit));
    });
}

function auditMachine(): Audit {
  return {
    devices: [...nvidiaDevices(), ...amdDevices(), ...appleDevices()],
    processor: { name: cpus()[0]?.model.trim() ?? 'unknown', threads: availableParallelism() },
    memory: { totalBytes: totalmem(), freeBytes: freemem(), limitBytes: controlGroupLimit() },
  };
}

/** Standard output of a driver's tool; null if the tool is not installed or fails. */
function outputOf(tool: string, args: readonly string[]): string | null {
  try {
    return execFileSync(tool, args, {
      encoding: 'utf8',
      timeout: 10_000,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  } catch {
    return null;
  }
}

function nvidiaDevices(): readonly FoundDevice[] {
  const output = outputOf('nvidia-smi', [
    '--query-gpu=name,memory.total,memory.free',
    '--format=csv,noheader,nounits',
  ]);
  const lines = output?.trim().split('\n') ?? [];
  return lines.flatMap((line) => {
    const [name = '', total, free] = line.split(',').map((cell) => cell.trim());
    const totalBytes = Number(total) * MiB;
    if (name === '' || !Number.isFinite(totalBytes)) return [];
    return [
      { name, driver: 'nvidia-smi', totalBytes, freeBytes: Number(free) * MiB, registryId: registryId(name) },
    ];
  });
}

function amdDevices(): readonly FoundDevice[] {
  const output = outputOf('rocm-smi', ['--showproductname', '--showmeminfo', 'vram', '--json']);
  if (output === null) return [];
  let cards: unknown;
  try {
    cards = JSON.parse(output);
  } catch {
    return [];
  }
  if (typeof cards !== 'object' || cards === null) return [];
  return Object.values(cards as Record<string, Record<string, string>>).flatMap((card) => {
    const name = card['Card Series'] ?? card['Card series'] ?? '';
    const totalBytes = Number(card['VRAM Total Memory (B)']);
    if (name === '' || !Number.isFinite(totalBytes)) return [];
    const usedBytes = Number(card['VRAM Total Used Memory (B)'] ?? 0);
    return [
      {
        name,
        driver: 'rocm-smi',
        totalBytes,
        freeBytes: totalBytes - usedBytes,
        registryId: registryId(name),
      },
    ];
  });
}

function appleDevices(): readonly FoundDevice[] {
  if (process.platform !== 'darwin') return [];
  const chip = outputOf('sysctl', ['-n', 'machdep.cpu.brand_string'])?.trim() ?? 'Apple';
  const name = `${chip} ${Math.round(totalmem() / 1024 ** 3)}GB`;
  return [
    { name, driver: 'sysctl', totalBytes: totalmem(), freeBytes: freemem(), registryId: registryId(name) },
  ];
}

function registryId(name: string): string | null {
  return attempt(() => resolveHardware(name).id);
}

/** The memory limit of the container, which may be below the machine's memory (cgroup v2, then v1). */
function controlGroupLimit(): number | null {
  for (const path of ['/sys/fs/cgroup/memory.max', '/sys/fs/cgroup/memory/memory.limit_in_bytes']) {
    try {
      const limit = Number(readFileSync(path, 'utf8').trim());
      // Without a limit, version 2 writes "max", and version 1 a huge number.
      if (Number.isFinite(limit) && limit < totalmem()) return limit;
    } catch {}
  }
  return null;
}

function renderAudit(audit: Audit): string {
  const { processor, memory, devices } = audit;
  const limit = memory.limitBytes === null ? '' : `, limited to ${formatBytes(memory.limitBytes)}`;
  const machine = [
    `processor  ${processor.name}, ${processor.threads} threads`,
    `memory     ${formatBytes(memory.totalBytes)}, ${formatBytes(memory.freeBytes)} free${limit}`,
  ].join('\n');
  if (devices.length === 0) {
    return `${machine}\n\nNo GPU found: nvidia-smi and rocm-smi are absent or report none.\nPlan for another machine with --gpu NAME, or for this one with --gpu generic-cpu --memory ${Math.floor(memory.totalBytes / 1024 ** 3)}GiB.`;
  }
  const rows = devices.map((device) => [
    device.name,
    formatBytes(device.totalBytes),
    formatBytes(device.freeBytes),
    device.registryId ?? 'not in the registry: use --memory',
    difference(device),
  ]);
  return `${machine}\n\n${renderTable([['GPU', 'total', 'free', 'registry', ''], ...rows], ['left', 'right', 'right', 'left', 'left'])}`;
}

/** Advises --memory if the driver's size differs from the record, because plans use the record by default. */
function difference(device: FoundDevice): string {
  if (device.registryId === null) return '';
  const record: HardwareRecord = resolveHardware(device.registryId);
  const share = Math.abs(device.totalBytes - record.memory.usableBytes) / record.memory.usableBytes;
  return share > 0.01 ? `plan with --memory ${Math.floor(device.totalBytes / MiB)}MiB` : '';
}
