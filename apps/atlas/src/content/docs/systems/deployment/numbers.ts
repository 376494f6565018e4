/** A 70B model divided among GPUs of the reference kind, and what an engine leaves free. */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { ledgerBytes, type Plan, singleDevice } from '@plimsoll/planner';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  categoryBytes,
  estimatedSeconds,
  ratio,
  referenceHardware,
  referencePlan,
  usableBytes,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

const model = 'meta-llama/Llama-3.3-70B-Instruct';
const contextTokens = 8192;

export default function numbers(): Record<string, ComputedNumber> {
  const columns = [1, 2, 4, 8].map((gpus) => column(gpus));
  const users = (gpus: number): number => splitOver(gpus).capacity.usersMax;
  const whole = splitOver(1);
  const wholeBytes = ledgerBytes(whole.ledger, { category: 'weights' });
  return {
    ...given({ context: contextTokens }),
    usable: usableBytes(),
    nominal: {
      text: formatBytes(resolveHardware(referenceHardware).memory.nominalBytes, 0),
      derivation: `memory.nominalBytes of the registry record ${referenceHardware}`,
    },
    headroom: categoryBytes(referencePlan({ engine: 'vllm' }), 'headroom'),
    ...Object.assign({}, ...columns),
    'tp-gain': ratio(users(4), users(2), { meaning: 'users on four GPUs / users on two', digits: 1 }),
    'load-bytes': weightBytes(whole),
    'load-seconds': {
      text: estimatedSeconds(wholeBytes / 1e9),
      derivation: `${formatCount(wholeBytes)} bytes / 1,000,000,000 bytes per second`,
    },
  };
}

function splitOver(gpus: number): Plan {
  return referencePlan({ model, contextTokens, parallelism: { ...singleDevice, tensor: gpus } });
}

function column(gpus: number): Record<string, ComputedNumber> {
  const plan = splitOver(gpus);
  const { poolBytes, bytesPerUser, usersMax } = plan.capacity;
  const pool = gpus * poolBytes;
  return {
    [`tp-weights-${gpus}`]: weightBytes(plan),
    [`tp-pool-${gpus}`]: {
      text: pool > 0 ? formatBytes(pool) : 'none, does not fit',
      derivation: `${gpus} x (${formatBytes(plan.hardware.usableBytes)} usable - ${weightBytes(plan).text} weights) = ${formatBytes(pool)}`,
    },
    [`tp-users-${gpus}`]: {
      text: formatCount(usersMax),
      derivation: `floor(${formatBytes(poolBytes)} left on each GPU / ${formatBytes(bytesPerUser)} of cache per user on each)`,
    },
  };
}
