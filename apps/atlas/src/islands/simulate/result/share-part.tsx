/** What a reader takes along: the link, the scenario, the command, the report and the picture. */
import { type ReactNode, useState } from 'react';
import { fill, type SimulateWords } from '../../words.ts';
import type { Side } from '../simulation-store.ts';

export function SharePart({
  side,
  words,
}: {
  readonly side: Side;
  readonly words: SimulateWords;
}): ReactNode {
  const { draft, result, svg, ran } = side;
  const isCurrent = ran?.text === draft.text;
  const report = result === null ? '' : `${JSON.stringify(result.answer, null, 2)}\n`;
  return (
    <div className="sim-share">
      <CopyButton label={words.copyLink} text={() => location.href} words={words} />
      <CopyButton label={words.copyText} text={() => draft.text} words={words} />
      <CopyButton label={words.copyCommand} text={() => commandOf(side)} words={words} />
      {result !== null && isCurrent && (
        <>
          <CopyButton label={words.copyReport} text={() => report} words={words} />
          {svg !== null && <SaveButton label={words.savePicture} name="timeline.svg" text={svg} />}
        </>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
      <pre className="sim-command" tabIndex={0}>
        <code>{commandOf(side)}</code>
      </pre>
      {result !== null && isCurrent && (
        <details className="sim-report">
          <summary>{words.report}</summary>
          <p>{fill(words.reportHint, { command: 'plimsoll simulate --json' })}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus */}
          <pre tabIndex={0}>
            <code>{report}</code>
          </pre>
        </details>
      )}
    </div>
  );
}

/** The command with the scenario before it; an example is a file of the repository. */
function commandOf({ draft: { example, text } }: Side): string {
  if (example !== null) return `plimsoll simulate examples/${example}.yaml`;
  const body = text.endsWith('\n') ? text : `${text}\n`;
  return `cat > scenario.yaml <<'END'\n${body}END\nplimsoll simulate scenario.yaml`;
}

function CopyButton({
  label,
  text,
  words,
}: {
  readonly label: string;
  readonly text: () => string;
  readonly words: SimulateWords;
}): ReactNode {
  const [isCopied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard.writeText(text()).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), 2000);
    });
  };
  return (
    <button type="button" onClick={copy}>
      <span aria-live="polite">{isCopied ? words.copied : label}</span>
    </button>
  );
}

function SaveButton({
  label,
  name,
  text,
}: {
  readonly label: string;
  readonly name: string;
  readonly text: string;
}): ReactNode {
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    // The browser reads the file after the click.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button type="button" onClick={save}>
      {label}
    </button>
  );
}
