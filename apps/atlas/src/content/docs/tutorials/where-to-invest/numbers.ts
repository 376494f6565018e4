/** The numbers of the sensitivity tutorial: the cell's own output at its defaults. */
import { formatCount } from '@plimsoll/foundation';
import { type ComputedNumber, given } from '../../../../numbers/computed-number.ts';
import { estimatedSeconds } from '../../../../numbers/reference-case.ts';
import { buildWorkbench } from '../../../../workbench/build-workbench.ts';
import { compute, inputs } from './cells/sensitivity.ts';

export default function numbers(): Record<string, ComputedNumber> {
  const { factor, context, users } = inputs;
  const values = { factor: factor.default, context: context.default, users: users.default };
  const { columns, rows } = compute(values, buildWorkbench);
  const entry = (change: string, column: string): number => {
    const row = rows.find(([name]) => name === change);
    return Number(row?.[columns.findIndex(({ name }) => name === column)]);
  };
  const number = (change: string, column: string): ComputedNumber => ({
    text: column === 'users' ? formatCount(entry(change, column)) : estimatedSeconds(entry(change, column)),
    derivation: `cell "sensitivity" of this page, row ${change}, column ${column}, at ${Object.entries(values)
      .map(([name, value]) => `${name} ${value}`)
      .join(', ')}`,
  });
  return {
    ...given({ context: values.context, users: values.users }),
    'users-now': number('asItIs', 'users'),
    'users-memory': number('memory', 'users'),
    'tpot-now': number('asItIs', 'tpot'),
    'tpot-bandwidth': number('bandwidth', 'tpot'),
    'ttft-now': number('asItIs', 'ttft'),
    'ttft-arithmetic': number('arithmetic', 'ttft'),
  };
}
