/**
 * A text field with a list of matches below it (the ARIA combobox pattern with a listbox popup). The arrow keys move through
 * the list, Enter or a change of focus takes the marked entry, and Escape restores the choice. A text without a match stays
 * in the field with a message that names the planned value, so that no typed text is lost without notice.
 */
import { type KeyboardEvent, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import type { NamedChoice } from '../state/choices.ts';

export interface ComboboxProps {
  readonly label: string;
  readonly hint: string;
  readonly value: string;
  readonly noMatch: string;
  /** The message about a text that matches nothing. It shows when the field loses the focus. */
  readonly wrong: (text: string) => string;
  /** Why the chosen value is not possible; null if it is. */
  readonly problem?: string | null;
  /** True to take a typed text as it is; without it, the first match is taken. */
  readonly takesTyped?: boolean;
  readonly search: (text: string) => Promise<readonly NamedChoice[]>;
  readonly onChoose: (value: string) => void;
}

export function Combobox(props: ComboboxProps): ReactNode {
  const { label, hint, value, wrong, problem = null } = props;
  const id = useId();
  const { text, refused, options, active, look, leave, choose, onKeyDown } = useMatches(props);
  const isOpen = text !== null;
  const message = refused === null ? problem : wrong(refused);
  return (
    <div className="field combobox">
      <label htmlFor={`${id}-input`}>{label}</label>
      <input
        id={`${id}-input`}
        role="combobox"
        type="text"
        autoComplete="off"
        spellCheck={false}
        aria-expanded={isOpen}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-describedby={message === null ? `${id}-hint` : `${id}-wrong`}
        aria-invalid={message !== null}
        aria-activedescendant={isOpen && options.length > 0 ? `${id}-${active}` : undefined}
        value={text ?? refused ?? value}
        onChange={(event) => look(event.target.value)}
        onFocus={(event) => event.target.select()}
        onClick={() => !isOpen && look(refused ?? value)}
        onBlur={leave}
        onKeyDown={onKeyDown}
      />
      <span id={`${id}-hint`} className="visually-hidden">
        {hint}
      </span>
      <OptionList {...props} id={id} isOpen={isOpen} options={options} active={active} choose={choose} />
      {message !== null && (
        <p id={`${id}-wrong`} className="field-wrong" role="alert">
          {message}
        </p>
      )}
    </div>
  );
}

interface Matches {
  /** The text that the reader types; null while the field shows the choice. */
  readonly text: string | null;
  /** The last text that matched nothing; null if the field holds no such text. */
  readonly refused: string | null;
  readonly options: readonly NamedChoice[];
  /** Index of the entry that Enter would take. */
  readonly active: number;
  look(text: string): void;
  leave(): void;
  choose(option: NamedChoice | undefined): void;
  onKeyDown(event: KeyboardEvent): void;
}

/** The matches that are shown, and the text that they match: a search answers later than the next key. */
interface Listed {
  readonly text: string;
  readonly options: readonly NamedChoice[];
}

function useMatches({ value, search, onChoose, takesTyped = false }: ComboboxProps): Matches {
  const [text, setText] = useState<string | null>(null);
  // A key can follow a letter before the next rendering, so the handlers read the last text from here.
  const typed = useRef<string | null>(null);
  const show = (next: string | null): void => {
    typed.current = next;
    setText(next);
  };
  const [unknown, setUnknown] = useState({ text: '', value: '' });
  // If the state changes from outside, for example by advice, the field shows the new choice.
  const refused = unknown.text !== '' && unknown.value === value ? unknown.text : null;
  const [listed, setListed] = useState<Listed>({ text: '', options: [] });
  const { options } = listed;
  const [active, setActive] = useState(0);
  const asked = useRef(0);
  const look = (next: string): void => {
    show(next);
    setUnknown({ text: '', value });
    const number = ++asked.current;
    // The whole list shows until the reader types.
    void search(next === value ? '' : next).then((found) => {
      if (number !== asked.current) return;
      setListed({ text: next, options: found });
      setActive(0);
    });
  };
  const close = (left: string): void => {
    asked.current++;
    show(null);
    setUnknown({ text: left, value });
  };
  const choose = (option: NamedChoice | undefined, last = typed.current): void => {
    close(option === undefined ? (last ?? '') : '');
    if (option !== undefined && option.value !== value) onChoose(option.value);
  };
  const leave = (): void => {
    const last = typed.current;
    if (last === null) return;
    const marked = options[active];
    close('');
    if (last.trim() === '' || last === value) return;
    if (takesTyped) {
      onChoose(last.trim());
      return;
    }
    const number = asked.current;
    // The list may belong to an earlier text. The last text decides, unless the reader types again before the answer.
    void search(last).then((found) => {
      if (number === asked.current)
        choose(found.find((option) => option.value === marked?.value) ?? found[0], last);
    });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') close('');
    if (!['ArrowDown', 'ArrowUp', 'Enter'].includes(event.key)) return;
    event.preventDefault();
    const step = event.key === 'ArrowDown' ? 1 : -1;
    if (typed.current === null) look(value);
    else if (event.key === 'Enter' && listed.text !== typed.current) leave();
    else if (event.key === 'Enter') choose(options[active]);
    else if (options.length > 0) setActive((active + step + options.length) % options.length);
  };
  return { text, refused, options, active, look, leave, choose, onKeyDown };
}

interface OptionListProps extends Pick<Matches, 'options' | 'active' | 'choose'> {
  readonly id: string;
  readonly label: string;
  readonly noMatch: string;
  readonly isOpen: boolean;
}

function OptionList({ id, label, noMatch, isOpen, options, active, choose }: OptionListProps): ReactNode {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div
      id={`${id}-list`}
      ref={list}
      className="combobox-list"
      role="listbox"
      aria-label={label}
      hidden={!isOpen}
    >
      {options.map((option, index) => (
        // The field keeps the focus and the keys, as the pattern wants it; a pointer presses an entry.
        // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled by the text field
        <div
          key={option.value}
          id={`${id}-${index}`}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          onPointerDown={(event) => event.preventDefault()}
          onClick={() => choose(option)}
        >
          <span>{option.value}</span>
          <small>{option.detail}</small>
        </div>
      ))}
      {isOpen && options.length === 0 && (
        <div role="option" aria-selected={false} aria-disabled tabIndex={-1}>
          {noMatch}
        </div>
      )}
    </div>
  );
}
