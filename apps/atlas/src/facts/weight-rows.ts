/** A model's weights in every usual format: their size, and for how many users each is enough on devices people know. */
import type { ModelSpec } from '@plimsoll/model-files/spec';
import { type EngineName, prepareIfPossible, singleDevice, usualEngine } from '@plimsoll/planner';
import { engineFace } from '@plimsoll/planner/engines';
import { featuredHardware, type HardwareRecord, resolveHardware } from '@plimsoll/registry';
import { type FormatQuestion, type Holding, usersOfFormat } from './capacity-grid.ts';

export interface WeightRow {
  /** `bf16`, `Q4_K_M`; the checkpoint's own comes first. */
  readonly format: string;
  readonly isOwn: boolean;
  readonly bytes: number;
  /** On each of `formatDevices`, under the engine that loads the format; null where not even eight hold it. */
  readonly holdings: readonly (Pick<Holding, 'devices' | 'usersUsual'> | null)[];
}

/** A plan needs a device. The size of the weights does not depend on the choice. */
const anyDevice = resolveHardware('h200');
const checkpointEngine = usualEngine(anyDevice);
const fileEngine = usualEngine(anyDevice, true);

/** What people convert to, each under the engine that loads it: checkpoints, then GGUF files. */
const formats: readonly { readonly name: string; readonly engine: EngineName }[] = [
  { name: 'bf16', engine: checkpointEngine },
  ...[checkpointEngine, fileEngine].flatMap((engine) =>
    engineFace(engine).usualFormats.map((name) => ({ name, engine })),
  ),
];

/** Formats with four bits for most weights. The page says so, because their names do not. */
export const fourBitFormats: readonly string[] = ['awq', 'Q4_K_M'];

/** Devices that formats are compared on: of the featured ones the newest of each size of memory, smallest first. */
export const formatDevices: readonly HardwareRecord[] = newestOfEachSize(
  featuredHardware().map(({ id }) => resolveHardware(id)),
);

/** `own` is the published format of the checkpoint. */
export function weightRows(
  spec: ModelSpec,
  own: { readonly format: string; readonly bytes: number },
): readonly WeightRow[] {
  const holdings = (question: FormatQuestion): WeightRow['holdings'] =>
    formatDevices.map((device) => usersOfFormat(spec, device, question));
  const others = formats.flatMap(({ name, engine }): readonly WeightRow[] => {
    if (name === own.format) return [];
    const deployment = prepareIfPossible({
      spec,
      hardware: anyDevice,
      parallelism: singleDevice,
      // What a file of this format takes, before an engine pads it.
      engine: engine === checkpointEngine ? 'none' : engine,
      weights: name,
      workload: { contextTokens: 1, users: 1 },
    });
    // A checkpoint of few bits is not converted to more bits for the same engine.
    if (deployment === null || (engine === checkpointEngine && deployment.weightBytes >= own.bytes))
      return [];
    const bytes = deployment.weightBytes;
    const question: FormatQuestion = { engine, format: name, weightBytes: bytes };
    return [{ format: name, isOwn: false, bytes, holdings: holdings(question) }];
  });
  const question: FormatQuestion = { engine: checkpointEngine, format: null, weightBytes: own.bytes };
  return [{ ...own, isOwn: true, holdings: holdings(question) }, ...others];
}

function newestOfEachSize(devices: readonly HardwareRecord[]): readonly HardwareRecord[] {
  const bySize = new Map<number, HardwareRecord>();
  for (const device of devices) {
    const known = bySize.get(device.memory.nominalBytes);
    if (known === undefined || known.releaseYear < device.releaseYear) {
      bySize.set(device.memory.nominalBytes, device);
    }
  }
  return [...bySize].sort(([left], [right]) => left - right).map(([, device]) => device);
}
