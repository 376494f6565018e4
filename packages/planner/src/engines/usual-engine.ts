/**
 * The engine a plan takes where nobody chose one: command line and pages must agree. What each engine runs on is a fact of
 * the registry (data/engines/usual-engines.json), in the order in which it is asked.
 */
import { assert } from '@plimsoll/foundation';
import type { HardwareRecord } from '@plimsoll/registry';
import usual from '@plimsoll/registry/engines/usual-engines.json' with { type: 'json' };
import { type EngineName, engineNamed } from './engine-list.ts';

type Device = Pick<HardwareRecord, 'id' | 'class' | 'computeCapability' | 'gfxTarget'>;

/** A device goes by the first of these facts that it has, from its architecture to its id. */
interface Rule {
  readonly engine: string;
  /** Takes GGUF files wherever they lie. */
  readonly files?: boolean;
  readonly classes?: readonly string[];
  readonly computeCapabilityMin?: number;
  readonly gfxTargets?: readonly string[];
  readonly devices?: readonly string[];
  /** Takes every device that no rule before it took. */
  readonly otherwise?: boolean;
}

const rules: readonly Rule[] = usual.rules;

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
