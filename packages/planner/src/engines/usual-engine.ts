/**
 * Chooses the engine of a plan that names none, so that command line and pages agree. The registry has the rules
 * (data/engines/usual-engines.json); the first rule that takes the device decides.
 */
import { assert } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import usual from '@plimsoll/registry/engines/usual-engines.json' with { type: 'json' };
import { type EngineName, engineNamed } from './engine-list.ts';

type Device = Pick<HardwareRecord, 'id' | 'class' | 'computeCapability' | 'gfxTarget'>;

/** A rule looks at the first of these facts that the device has, from its class and architecture to its id. */
interface Rule {
  readonly engine: string;
  /** True if the rule takes GGUF files on every device. */
  readonly files?: boolean;
  readonly classes?: readonly string[];
  readonly computeCapabilityMin?: number;
  readonly gfxTargets?: readonly string[];
  readonly devices?: readonly string[];
  /** True if the rule takes every device that no earlier rule takes. */
  readonly otherwise?: boolean;
}

const rules: readonly Rule[] = usual.rules;

/** Returns the usual engine of a device; `isGguf` says that the model is a GGUF file. */
export function usualEngine(hardware: Device, isGguf = false): EngineName {
  const rule = rules.find((candidate) => takes(candidate, hardware, isGguf));
  assert(rule !== undefined, 'the last rule takes every device');
  return engineNamed(rule.engine).name;
}

function takes(rule: Rule, hardware: Device, isGguf: boolean): boolean {
  if (rule.otherwise === true || (isGguf && rule.files === true)) return true;
  if (rule.classes?.includes(hardware.class) === true) return true;
  const { id, computeCapability, gfxTarget } = hardware;
  if (computeCapability !== null && rule.computeCapabilityMin !== undefined)
    return Number(computeCapability) >= rule.computeCapabilityMin;
  if (gfxTarget !== null && rule.gfxTargets !== undefined) return rule.gfxTargets.includes(gfxTarget);
  return rule.devices?.includes(id) === true;
}
