/** The plain fields of the planner's form: a choice from a list, and a text that must be a value. */
import { type ReactNode, useEffect, useId, useRef, useState } from 'react';

export interface ChoiceOption {
  readonly value: string;
  readonly label: string;
}

export interface ChoiceFieldProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly ChoiceOption[];
  readonly onChange: (value: string) => void;
}

export function ChoiceField({ label, value, options, onChange }: ChoiceFieldProps): ReactNode {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
    </div>
  );
}

/** A choice among whole numbers. */
export function CountField({
  label,
  value,
  counts,
  onChange,
}: {
  readonly label: string;
  readonly value: number;
  readonly counts: readonly number[];
  readonly onChange: (value: number) => void;
}): ReactNode {
  return (
    <ChoiceField
      label={label}
      value={String(value)}
      options={counts.map((count) => ({ value: String(count), label: String(count) }))}
      onChange={(chosen) => onChange(Number(chosen))}
    />
  );
}

export interface ValueFieldProps {
  readonly label: string;
  /** The value in the plan. */
  readonly value: string;
  readonly placeholder?: string;
  /** The message under the field while its text is no value. */
  readonly wrong: string;
  /** The value that the plan uses until then; it follows the message. */
  readonly kept: string;
  readonly isValue: (text: string) => boolean;
  readonly suggestions?: readonly string[];
  readonly inputMode?: 'text' | 'numeric' | 'decimal';
  readonly onChange: (text: string) => void;
}

/** Plans each text that is a value at once. Another text stays in the field, with a message that names what is allowed. */
export function ValueField(props: ValueFieldProps): ReactNode {
  const { label, value, placeholder, wrong, kept, isValue, suggestions, inputMode, onChange } = props;
  const id = useId();
  const [text, setText] = useState(value);
  const isWrong = !isValue(text);
  const input = useRef<HTMLInputElement>(null);
  // Not while the reader types: 1024 would turn into 1k before the next digit.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(value);
  }, [value]);
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        ref={input}
        type="text"
        inputMode={inputMode}
        autoComplete="off"
        placeholder={placeholder}
        list={suggestions === undefined ? undefined : `${id}-list`}
        value={text}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? `${id}-wrong` : undefined}
        onChange={(event) => {
          setText(event.target.value);
          if (isValue(event.target.value)) onChange(event.target.value);
        }}
        onBlur={() => !isWrong && setText(value)}
      />
      {suggestions !== undefined && (
        <datalist id={`${id}-list`}>
          {suggestions.map((suggestion) => (
            <option key={suggestion} value={suggestion} />
          ))}
        </datalist>
      )}
      {isWrong && (
        <p id={`${id}-wrong`} className="field-wrong" role="alert">
          {wrong} {kept}
        </p>
      )}
    </div>
  );
}
