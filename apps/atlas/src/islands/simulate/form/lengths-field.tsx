/** Lengths of prompts or answers: a number, or a distribution with its parameters. */
import type { ReactNode } from 'react';
import { ChoiceField } from '../../planner/form/fields.tsx';
import { fieldAt, fieldText, type ScenarioFields, type ScenarioValue } from '../state/scenario-paths.ts';
import { type FormProps, ScenarioField } from './scenario-field.tsx';

/** Parameters of each distribution; those after the first two are optional. */
const parameters = {
  fixed: [],
  uniform: ['min', 'max'],
  lognormal: ['median', 'sigma', 'min', 'max'],
  exponential: ['mean', 'min', 'max'],
} as const;

type Kind = keyof typeof parameters;
const kinds: readonly Kind[] = ['fixed', 'uniform', 'lognormal', 'exponential'];

export interface LengthsFieldProps extends FormProps {
  readonly path: string;
  readonly label: string;
}

export function LengthsField(props: LengthsFieldProps): ReactNode {
  const { fields, words, store, path, label } = props;
  const kind = kindOf(fields, path);
  return (
    <fieldset className="sim-lengths">
      <legend>{label}</legend>
      <ChoiceField
        label={words.distribution}
        value={kind ?? ''}
        options={[
          ...(kind === null ? [{ value: '', label: words.inText }] : []),
          ...kinds.map((value) => ({ value, label: words[`lengths-${value}`] })),
        ]}
        onChange={(chosen) => {
          const next = kinds.find((name) => name === chosen);
          if (next !== undefined)
            store.edit([{ path: path.split('.'), value: usualLengths(next, middleOf(fields, path)) }]);
        }}
      />
      {kind === 'fixed' && <ScenarioField {...props} path={path} label={words.tokens} kind="tokens" />}
      {kind !== null &&
        kind !== 'fixed' &&
        parameters[kind].map((name) => (
          <ScenarioField
            key={name}
            {...props}
            path={`${path}.${kind}.${name}`}
            label={words[`lengths-${name}`]}
            kind={name === 'sigma' ? 'positive' : 'tokens'}
            {...(isOptional(kind, name) && { usual: words.noLimit })}
          />
        ))}
    </fieldset>
  );
}

function isOptional(kind: Kind, name: string): boolean {
  return kind !== 'uniform' && (name === 'min' || name === 'max');
}

function kindOf(fields: ScenarioFields, path: string): Kind | null {
  const value = fieldAt(fields, path);
  if (typeof value === 'number') return 'fixed';
  return kinds.find((kind) => kind !== 'fixed' && fieldAt(fields, `${path}.${kind}`) !== undefined) ?? null;
}

const usualTokens = 500;

/** About the middle of the lengths, so that another distribution asks about as much. */
function middleOf(fields: ScenarioFields, path: string): number {
  const value = fieldAt(fields, path);
  const numbers = ['lognormal.median', 'exponential.mean', 'uniform.max', 'uniform.min'].map((name) =>
    Number(fieldText(fields, `${path}.${name}`)),
  );
  const [median = 0, mean = 0, most = 0, least = 0] = numbers;
  return Math.round(
    (typeof value === 'number' ? value : 0) || median || mean || (most + least) / 2 || usualTokens,
  );
}

function usualLengths(kind: Kind, middle: number): ScenarioValue {
  switch (kind) {
    case 'fixed':
      return middle;
    case 'uniform':
      return { uniform: { min: Math.max(1, Math.round(middle / 2)), max: Math.round(middle * 1.5) } };
    case 'lognormal':
      return { lognormal: { median: middle, sigma: 0.7 } };
    case 'exponential':
      return { exponential: { mean: middle } };
    default:
      return kind satisfies never;
  }
}
