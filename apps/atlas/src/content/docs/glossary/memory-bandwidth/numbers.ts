/** Four memories and the least time each needs to read one model; and a model of which a step reads only a part. */
import { assert, formatCount, parseBytes } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import {
  bandwidth,
  readingFloor,
  referencePlan,
  specOf,
  weightBytes,
  weightReads,
} from '../../../../numbers/reference-case.ts';

const mixture = 'Qwen/Qwen3-30B-A3B';
/** Users of a large batch. */
const manyUsers = 64;

export default function numbers(): Record<string, ComputedNumber> {
  const devices = {
    m4: 'apple-m4-max-40-core-64gb',
    '4090': 'rtx-4090',
    h100: 'h100-sxm-80gb',
    b200: 'b200-sxm-180gb',
  };
  const rows = Object.entries(devices).flatMap(([name, device]) => [
    [`bw-${name}`, bandwidth(device)] as const,
    [`floor-${name}`, readingFloor(device)] as const,
  ]);
  return { ...Object.fromEntries(rows), ...mixtureNumbers() };
}

function mixtureNumbers(): Record<string, ComputedNumber> {
  const mlp = specOf(mixture).layers[0]?.mlp;
  assert(mlp?.kind === 'moe', `${mixture} is a mixture of experts`);
  const whole = weightBytes(referencePlan({ model: mixture }));
  const percent = (users: number): ComputedNumber => {
    const read = weightReads(users, { model: mixture });
    return {
      text: formatCount((100 * parseBytes(read.text)) / parseBytes(whole.text)),
      derivation: `${read.derivation}; of ${whole.text}`,
    };
  };
  const fromConfig = (value: number, field: string): ComputedNumber => ({
    text: formatCount(value),
    derivation: `${field} in the registry record of ${mixture}`,
  });
  return {
    ...given({ 'experts-users': manyUsers }),
    'experts-picked': fromConfig(mlp.expertsPerToken, 'num_experts_per_tok'),
    'experts-all': fromConfig(mlp.experts, 'num_experts'),
    'experts-weights': whole,
    'experts-one': weightReads(1, { model: mixture }),
    'experts-one-percent': percent(1),
    'experts-many-percent': percent(manyUsers),
  };
}
