/** The engine a plan takes where nobody chose one: command line and pages must agree. */
import type { HardwareRecord } from '@plimsoll/registry';
import type { EngineName } from './plan-request.ts';

/** Devices that vLLM does not run on. */
const localClasses: readonly string[] = ['apple', 'cpu', 'mobile', 'edge', 'tiny'];

/** llama.cpp for its own files, Apple machines, processors and old cards; vLLM for the rest. */
export function usualEngine(
  hardware: Pick<HardwareRecord, 'class' | 'computeCapability'>,
  isGguf = false,
): EngineName {
  const isOld = hardware.computeCapability !== null && Number(hardware.computeCapability) < 7;
  return isGguf || isOld || localClasses.includes(hardware.class) ? 'llama.cpp' : 'vllm';
}
