/** A 70B model divided among GPUs of the reference kind, and what an engine leaves free. */
import { assert, formatBytes, formatCount } from '@plimsoll/foundation';
import { type Plan, singleDevice } from '@plimsoll/planner';
import { ledgerBytes } from '@plimsoll/planner/ledger';
import { resolveHardware } from '@plimsoll/registry';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  cacheBytesPerUser,
  categoryBytes,
  estimatedSeconds,
  ratio,
  referenceHardware,
  referencePlan,
  specOf,
  usableBytes,
  weightBytes,
} from '../../../../numbers/reference-case.ts';

const model = 'meta-llama/Llama-3.3-70B-Instruct';
const contextTokens = 8192;
/** A service: its people, how often each asks, in minutes, and how long an answer takes, in seconds. */
const service = { people: 600, everyMinutes: 5, answerSeconds: 20 };

export default function numbers(): Record<string, ComputedNumber> {
  const columns = [1, 2, 4, 8].map((gpus) => column(gpus));
  const users = (gpus: number): number => splitOver(gpus).capacity.usersMax;
  const whole = splitOver(1);
  const wholeBytes = ledgerBytes(whole.ledger, { category: 'weights' });
  return {
    ...given({
      context: contextTokens,
      people: service.people,
      'every-minutes': service.everyMinutes,
      'answer-seconds': service.answerSeconds,
    }),
    'in-progress': {
      text: formatCount((service.people / service.everyMinutes) * (service.answerSeconds / 60)),
      derivation: `${service.people} people x 1/${service.everyMinutes} request per minute x ${service.answerSeconds}/60 minutes`,
    },
    ...headNumbers(),
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

/** A user's cache on as many GPUs as there are KV heads, and on twice as many. */
function headNumbers(): Record<string, ComputedNumber> {
  const [attention] = specOf(model).layers.map((layer) => layer.attention);
  assert(attention?.kind === 'full', 'every layer of the example keeps all tokens');
  const { kvHeads } = attention;
  const onEach = (gpus: number): ComputedNumber =>
    cacheBytesPerUser({ model, contextTokens, parallelism: { ...singleDevice, tensor: gpus } });
  return {
    'kv-heads': { text: formatCount(kvHeads), derivation: `num_key_value_heads in the config of ${model}` },
    ...given({ 'gpus-beyond': 2 * kvHeads }),
    'kv-8': onEach(kvHeads),
    'kv-16': onEach(2 * kvHeads),
  };
}
