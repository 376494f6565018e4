/** The server's address and key, and whether its numbers are current. */
import { formatSeconds } from '@plimsoll/foundation';
import { type FormEvent, type ReactNode, useId, useState } from 'react';
import { fill, type LiveWords } from '../words.ts';
import { type Phase, parseServerUrl } from './state/connection.ts';
import type { Live } from './use-live.ts';

const usualServer = 'http://localhost:8080';

export function ConnectionBar({
  live,
  words,
}: {
  readonly live: Live;
  readonly words: LiveWords;
}): ReactNode {
  const { address, phase, isReady } = live;
  const [typed, setTyped] = useState<string | null>(null);
  const [key, setKey] = useState('');
  const [isWrong, setWrong] = useState(false);
  const [urlId, keyId, errorId] = [useId(), useId(), useId()];
  const text = typed ?? address?.url ?? usualServer;
  const asksKey = phase.kind === 'key' || key !== '';
  const connect = (event: FormEvent): void => {
    event.preventDefault();
    const url = parseServerUrl(text);
    setWrong(url === null);
    if (url !== null) live.connect({ url, key });
  };
  return (
    <form className="live-connection" onSubmit={connect} noValidate>
      <label htmlFor={urlId}>{words.server}</label>
      <input
        id={urlId}
        value={text}
        inputMode="url"
        autoComplete="off"
        spellCheck={false}
        aria-invalid={isWrong}
        aria-describedby={isWrong ? errorId : undefined}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {asksKey && (
        <>
          <label htmlFor={keyId}>{words.key}</label>
          <input
            id={keyId}
            type="password"
            value={key}
            autoComplete="off"
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </>
      )}
      <button type="submit" disabled={!isReady}>
        {words.connect}
      </button>
      <button type="button" disabled={address === null} onClick={live.disconnect}>
        {words.disconnect}
      </button>
      <p className="live-phase" role="status" data-phase={phase.kind}>
        {isWrong ? <span id={errorId}>{words.wrongServer}</span> : phaseText(phase, live, words)}
      </p>
      <details className="live-hint">
        <summary>{words.elsewhere}</summary>
        <p>
          {words.corsHint}{' '}
          <code>plimsoll serve MODEL --cors-origin {isReady ? location.origin : 'ORIGIN'}</code>
        </p>
      </details>
    </form>
  );
}

function phaseText(phase: Phase, { address, view }: Live, words: LiveWords): string {
  switch (phase.kind) {
    case 'idle':
      return words['phase-idle'];
    case 'connecting':
      return fill(words['phase-connecting'], { server: address?.url ?? '' });
    case 'live':
      return fill(words['phase-live'], { model: view.state?.model ?? '' });
    case 'key':
      return phase.isWrong ? words['phase-wrong-key'] : words['phase-key'];
    case 'lost': {
      const wait = formatSeconds(phase.waitSeconds);
      return phase.status === null
        ? fill(words['phase-lost'], { server: address?.url ?? '', wait })
        : fill(words['phase-refused'], { status: phase.status, wait });
    }
    default:
      return phase satisfies never;
  }
}
