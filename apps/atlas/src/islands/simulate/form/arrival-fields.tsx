/** How requests come: at a rate, or from clients that wait for their answers. */
import type { ReactNode } from 'react';
import { ChoiceField } from '../../planner/form/fields.tsx';
import { fieldAt, fieldText, type ScenarioFields, type ScenarioValue } from '../state/scenario-paths.ts';
import { type FormProps, ScenarioField } from './scenario-field.tsx';

const kinds = ['poisson', 'gamma', 'closed'] as const;
type Kind = (typeof kinds)[number];

const path = 'workload.arrivals';

export function ArrivalFields(props: FormProps): ReactNode {
  const { fields, words, store } = props;
  const kind = kinds.find((name) => fieldAt(fields, `${path}.${name}`) !== undefined);
  return (
    <>
      <ChoiceField
        label={words.arrivals}
        value={kind ?? ''}
        options={[
          ...(kind === undefined ? [{ value: '', label: words.inText }] : []),
          ...kinds.map((value) => ({ value, label: words[`arrivals-${value}`] })),
        ]}
        onChange={(chosen) => {
          const next = kinds.find((name) => name === chosen);
          if (next !== undefined) store.edit([{ path: path.split('.'), value: usualArrivals(next, fields) }]);
        }}
      />
      {(kind === 'poisson' || kind === 'gamma') && (
        <ScenarioField {...props} path={`${path}.${kind}.rate`} label={words.rate} kind="positive" />
      )}
      {kind === 'gamma' && (
        <ScenarioField
          {...props}
          path={`${path}.gamma.burstiness`}
          label={words.burstiness}
          kind="positive"
        />
      )}
      {kind === 'closed' && (
        <ScenarioField {...props} path={`${path}.closed.clients`} label={words.clients} kind="whole" />
      )}
    </>
  );
}

const usualRate = 4;
const usualClients = 16;
const usualBurstiness = 2;

/** The rate stays when the kind of open arrivals changes. */
function usualArrivals(kind: Kind, fields: ScenarioFields): ScenarioValue {
  if (kind === 'closed') return { closed: { clients: usualClients } };
  const written = fieldText(fields, `${path}.poisson.rate`) || fieldText(fields, `${path}.gamma.rate`);
  const rate = written === '' ? usualRate : Number(written);
  return kind === 'poisson' ? { poisson: { rate } } : { gamma: { rate, burstiness: usualBurstiness } };
}
