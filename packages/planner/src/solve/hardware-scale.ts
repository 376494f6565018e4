/** A device with other rates or another memory, for questions of the kind "what if". */
import type { HardwareRates, HardwareRecord } from '@plimsoll/registry';
import type { PlanRequest } from '../engines/engine-list.ts';
import { prepare } from '../engines/engines.ts';
import type { SpeedAssumptions } from '../speed/assumptions.ts';

/** Factors on a device; 1 where absent. */
export interface HardwareScale {
  readonly bandwidth?: number;
  readonly compute?: number;
  readonly capacity?: number;
  readonly link?: number;
  /** Factor on the speed of launches, host work and the latency of collectives. */
  readonly overhead?: number;
}

/** Returns a function that multiplies the properties of the request's device by factors. */
export function scalingOf(request: PlanRequest): (scale: HardwareScale) => PlanRequest {
  // The assumptions of the unscaled device: a factor must not move it into another class of devices.
  const { assumptions } = prepare(request).speed;
  return (scale) => scaledRequest(request, assumptions, scale);
}

function scaledRequest(
  request: PlanRequest,
  assumptions: SpeedAssumptions,
  scale: HardwareScale,
): PlanRequest {
  const { bandwidth = 1, compute = 1, capacity = 1, link = 1, overhead = 1 } = scale;
  const { hardware } = request;
  const scaled: HardwareRecord = {
    ...hardware,
    memory: {
      ...hardware.memory,
      bandwidthBytesPerSecond: hardware.memory.bandwidthBytesPerSecond * bandwidth,
      usableBytes: Math.round(hardware.memory.usableBytes * capacity),
      nominalBytes: Math.round(hardware.memory.nominalBytes * capacity),
    },
    rates: scaledRates(hardware.rates, compute),
    links: hardware.links.map((each) => ({
      ...each,
      bytesPerSecondPerDirection: each.bytesPerSecondPerDirection * link,
    })),
    dispatchSeconds: hardware.dispatchSeconds / overhead,
  };
  return {
    ...request,
    hardware: scaled,
    assumptions: {
      ...assumptions,
      layerSeconds: assumptions.layerSeconds / overhead,
      collectiveSeconds: assumptions.collectiveSeconds / overhead,
      stepSeconds: (assumptions.stepSeconds ?? 0) / overhead,
      sequenceSeconds: (assumptions.sequenceSeconds ?? 0) / overhead,
    },
  };
}

function scaledRates(rates: HardwareRates, factor: number): HardwareRates {
  const known = Object.entries(rates).filter((entry): entry is [string, number] => entry[1] !== undefined);
  return Object.fromEntries(known.map(([type, rate]) => [type, rate * factor]));
}
