/**
 * The engine a plan takes where nobody chose one: command line and pages must agree. What each engine runs on is a fact of
 * the registry (data/engines/usual-engines.json).
 */
import type { HardwareRecord } from '@plimsoll/registry';
import usual from '@plimsoll/registry/engines/usual-engines.json' with { type: 'json' };
import type { EngineName } from '../question/question.ts';

type Device = Pick<HardwareRecord, 'id' | 'class' | 'computeCapability' | 'gfxTarget'>;

/** llama.cpp for its own files, machines of one person and old cards; vLLM where it runs; `none` where neither does. */
export function usualEngine(hardware: Device, isGguf = false): EngineName {
  if (isGguf) return 'llama.cpp';
  if (usual.none.classes.includes(hardware.class) || usual.none.devices.includes(hardware.id)) return 'none';
  if (usual.llamaCpp.classes.includes(hardware.class)) return 'llama.cpp';
  return runsVllm(hardware) ? 'vllm' : 'llama.cpp';
}

function runsVllm({ id, computeCapability, gfxTarget }: Device): boolean {
  if (computeCapability !== null) return Number(computeCapability) >= usual.vllm.computeCapabilityMin;
  if (gfxTarget !== null) return usual.vllm.gfxTargets.includes(gfxTarget);
  return usual.vllm.devices.includes(id);
}
