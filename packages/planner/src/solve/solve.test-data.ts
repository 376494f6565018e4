/** For tests: mlsysim's answers, the device and assumptions of mlsysim, and solvers by name. */
import { readFileSync } from 'node:fs';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { resolveHardware } from '@plimsoll/registry';
import type { PlanRequest } from '../engines/engine-list.ts';
import type { SpeedAssumptions } from '../speed/assumptions.ts';
import { request } from '../test-models.ts';
import type { SolverResult } from './solver.ts';
import type { GivenInputs } from './solver-inputs.ts';
import { solverNamed } from './solvers.ts';
import type { Subject } from './subject.ts';

interface Vector {
  readonly class: string;
  /** Numbers of the arguments and of the answer; a nested field is `ring_time.8`. */
  readonly given: Readonly<Record<string, number>>;
  readonly answer: Readonly<Record<string, number>>;
}

const file = new URL('../../../../fixtures/mlsysim/solver-vectors.json', import.meta.url);
const document = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly vectors: readonly {
    readonly class: string;
    readonly arguments: object;
    readonly answer: object;
  }[];
};

/** Every vector of a class of mlsysim 0.3.0. */
export function mlsysim(name: string): readonly Vector[] {
  return document.vectors
    .filter((vector) => vector.class === name)
    .map((vector) => ({ class: name, given: flat(vector.arguments), answer: flat(vector.answer) }));
}

/** The value of a field. */
export function field(values: Readonly<Record<string, number>>, name: string): number {
  return defined(values[name], `mlsysim has no field ${name}`);
}

function flat(values: object, prefix = ''): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [key, value] of Object.entries(values)) {
    if (typeof value === 'number') found[`${prefix}${key}`] = value;
    else if (typeof value === 'object' && value !== null)
      Object.assign(found, flat(value, `${prefix}${key}.`));
  }
  return found;
}

/** mlsysim's assumptions of a step: matrices at half the peak, bytes at the full bandwidth, no floors. */
export const mlsysimAssumptions: SpeedAssumptions = {
  computeEfficiency: 0.5,
  bandwidthEfficiency: 1,
  layerSeconds: 0,
  collectiveSeconds: 0,
  hostBandwidthBytesPerSecond: 6e10,
};

/** Llama 3.1 8B in fp16 on mlsysim's H100, which has 80 GiB and no driver. */
export function mlsysimRequest(options: Partial<PlanRequest> = {}): PlanRequest {
  const hardware = resolveHardware('h100');
  const memory = { ...hardware.memory, usableBytes: 80 * 1024 ** 3, bandwidthBytesPerSecond: 3.35e12 };
  return request({
    weights: 'fp16',
    kvFormat: 'fp16',
    assumptions: mlsysimAssumptions,
    ...options,
    hardware: { ...hardware, memory, rates: { fp16: 989e12 }, dispatchSeconds: 1e-5, ...options.hardware },
  });
}

export function solved(name: string, given: GivenInputs, subject: Subject = {}): SolverResult {
  return solverNamed(name).run(given, subject);
}

/** The numeric output of a solver. */
export function output({ outputs }: SolverResult, name: string): number {
  const value = outputs[name];
  if (typeof value !== 'number') throw new TypeError(`${name} is ${String(value)}, not a number`);
  return value;
}

/** The numeric cells of a column. */
export function column({ rows }: SolverResult, name: string): readonly number[] {
  return (rows ?? []).map((row) => output({ ...emptyResult, outputs: row }, name));
}

const emptyResult: SolverResult = { solver: '', inputs: {}, outputs: {}, rows: null, notes: [] };

/** The code of the PlimsollError that a call throws. */
export function codeOf(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (error) {
    if (error instanceof PlimsollError) return error.code;
    throw error;
  }
}
