/** Which property of the device limits a load: the change of each figure if one property improves. */
import { usersMax } from '../deployment/deployment.ts';
import { type HardwareScale, scalingOf } from './hardware-scale.ts';
import { defineSolver, type Solver } from './solver.ts';
import { tokensInput } from './solver-inputs.ts';
import { assertInContext, prepareReplica, requestOf } from './subject.ts';

const properties = [
  'bandwidth',
  'compute',
  'capacity',
  'link',
  'overhead',
] as const satisfies readonly (keyof HardwareScale)[];
type Property = (typeof properties)[number];

export const sensitivity: Solver = defineSolver({
  name: 'sensitivity',
  summary: 'what limits a load: memory bandwidth, compute, capacity, link or overhead',
  needs: ['replica'],
  inputs: {
    users: {
      kind: 'number',
      unit: 'count',
      words: 'requests that decode at once',
      least: 1,
      most: 100_000,
      default: 16,
    },
    contextTokens: tokensInput({ words: 'tokens of each', default: 4096 }),
    promptTokens: tokensInput({ words: 'prompt for the time to the first token', default: 2048 }),
    change: {
      kind: 'number',
      unit: 'share',
      words: 'improvement of each property',
      least: 0.001,
      most: 10,
      default: 0.1,
    },
  },
  outputs: {
    tpotLimit: { unit: 'text', words: 'what limits the time per output token' },
    ttftLimit: { unit: 'text', words: 'what limits the time to the first token' },
    usersLimit: { unit: 'text', words: 'what limits the number of users' },
    tpotSeconds: { unit: 'seconds', words: 'time per output token' },
    ttftSeconds: { unit: 'seconds', words: 'time to the first token' },
    usersMax: { unit: 'count', words: 'users that fit' },
  },
  columns: {
    property: { unit: 'text', words: 'property' },
    tpotChange: { unit: 'share', words: 'per token' },
    ttftChange: { unit: 'share', words: 'first token' },
    usersChange: { unit: 'share', words: 'users' },
  },
  formula: [
    'change = (figure with the improved property - figure) / figure, for one property at a time',
    'the limit of a figure is the property with the largest change',
  ],
  limits: [
    'A property that is not the limit of its phase changes nothing until it is: the roofline takes the longer of two times.',
    'Efficiencies stay those of the unchanged device.',
  ],
  sources: [
    'mlsysim 0.3.0, SensitivitySolver: one figure, three properties; overhead and link are fixed there.',
  ],
  example: 'llama-3.1-70b-instruct --gpu h100 --tp 4 --engine none --users 32',
  solve(values, subject) {
    const request = requestOf(subject);
    const { users, contextTokens, promptTokens } = values;
    const scaled = scalingOf(request);
    const figuresAt = (scale: HardwareScale): Figures => {
      const replica = prepareReplica(scaled(scale), {
        contextTokens: Math.max(contextTokens, promptTokens),
        users: 1,
      });
      assertInContext(replica, Math.max(contextTokens, promptTokens));
      const { speed } = replica.deployment;
      return {
        tpotSeconds: speed.decodeSeconds(users, contextTokens),
        ttftSeconds: speed.prefillSeconds(promptTokens),
        usersMax: usersMax(replica.deployment, contextTokens),
      };
    };
    const base = figuresAt({});
    const rows = properties.map((property) => {
      const changed = figuresAt({ [property]: 1 + values.change });
      const change = (name: keyof Figures): number => (base[name] === 0 ? 0 : changed[name] / base[name] - 1);
      return {
        property,
        tpotChange: change('tpotSeconds'),
        ttftChange: change('ttftSeconds'),
        usersChange: change('usersMax'),
      };
    });
    return {
      outputs: {
        tpotLimit: largest(rows, 'tpotChange'),
        ttftLimit: largest(rows, 'ttftChange'),
        usersLimit: largest(rows, 'usersChange'),
        ...base,
      },
      rows,
      notes: base.usersMax < users ? [`memory holds ${base.usersMax} of the ${users} users`] : [],
    };
  },
});

interface Figures {
  readonly tpotSeconds: number;
  readonly ttftSeconds: number;
  readonly usersMax: number;
}

interface Row {
  readonly property: Property;
  readonly tpotChange: number;
  readonly ttftChange: number;
  readonly usersChange: number;
}

/** Returns the property with the largest change; null if no property changes the figure. */
function largest(rows: readonly Row[], column: 'tpotChange' | 'ttftChange' | 'usersChange'): Property | null {
  const sorted = rows.toSorted((left, right) => Math.abs(right[column]) - Math.abs(left[column]));
  const [first] = sorted;
  return first === undefined || Math.abs(first[column]) < 1e-9 ? null : first.property;
}
