/** The rarely used options: splits other than tensor parallelism, and the flags of a single engine. */
import { engineFace } from '@plimsoll/planner/engines';
import { type ReactNode, useEffect, useState } from 'react';
import { exampleState, fieldText, releaseOf, type StateKey, stateFields } from '../state/state.ts';
import { ChoiceField, CountField } from './fields.tsx';
import { OptionField, type OptionFieldProps, WrittenField } from './option-field.tsx';

const splitOptions = ['pp', 'dp'] as const satisfies readonly StateKey[];

/** Open when an address or a piece of advice set one of them. */
export function MoreOptions(props: OptionFieldProps): ReactNode {
  const { state, engine, words } = props;
  const { options, release } = engineFace(engine);
  const shown: readonly StateKey[] = [...splitOptions, 'ep', 'prompt', 'release'];
  const isSet =
    shown.some((key) => state[key] !== exampleState[key]) || Object.keys(state.options).length > 0;
  const [isOpen, setOpen] = useState(isSet);
  // The element stays mounted: a new element would take the focus from the reader who types the first option.
  useEffect(() => {
    if (isSet) setOpen(true);
  }, [isSet]);
  return (
    <details className="more-options" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.more}</summary>
      <div className="planner-form-grid">
        <SplitFields {...props} />
        <WrittenField
          label={words.prompt}
          words={words}
          limit={stateFields.prompt.limit}
          value={fieldText(state, 'prompt')}
          isValue={(text) => stateFields.prompt.parse(text) !== null}
          onChange={(text) => props.onChange({ prompt: text === '' ? null : stateFields.prompt.parse(text) })}
        />
        {release !== null && (
          <WrittenField
            label={words.release}
            words={words}
            limit={release.limit}
            value={releaseOf(state, engine) ?? ''}
            isValue={(text) => release.form.test(text.trim())}
            onChange={(text) => props.onChange({ release: text === '' ? null : text.trim() })}
          />
        )}
        {options.map((option) => (
          <OptionField key={option.name} {...props} option={option} />
        ))}
      </div>
    </details>
  );
}

function SplitFields({ state, choices, words, onChange }: OptionFieldProps): ReactNode {
  return (
    <>
      {splitOptions.map((key) => (
        <CountField
          key={key}
          label={words[key]}
          value={state[key]}
          counts={choices[key]}
          onChange={(count) => onChange({ [key]: count })}
        />
      ))}
      {choices.hasExperts && (
        <ChoiceField
          label={words.ep}
          value={state.ep ?? ''}
          options={[
            { value: '', label: words.epSliced },
            { value: 'on', label: words.epWhole },
          ]}
          onChange={(value) => onChange({ ep: stateFields.ep.parse(value) })}
        />
      )}
    </>
  );
}
