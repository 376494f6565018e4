/** Sends a bounded load: some requests of stated lengths, once, with a stop button. */
import { type FormEvent, type ReactNode, useId, useRef, useState } from 'react';
import { fill, type LiveWords } from '../words.ts';
import type { ServerAddress } from './state/connection.ts';
import { type LoadField, type LoadPlan, loadLimits, sendLoad, usualLoad, wrongFields } from './state/load.ts';
import type { ServerState } from './state/server-events.ts';

const fields: readonly LoadField[] = ['requests', 'promptTokens', 'sharedTokens', 'outputTokens'];

type Progress =
  | { readonly kind: 'idle' }
  | { readonly kind: 'running' | 'done' | 'stopped'; readonly ended: number; readonly requests: number }
  | { readonly kind: 'failed'; readonly reason: string };

interface Load {
  readonly progress: Progress;
  send(address: ServerAddress, plan: LoadPlan, vocabulary: number): Promise<void>;
  stop(): void;
}

function useLoad(): Load {
  const [progress, setProgress] = useState<Progress>({ kind: 'idle' });
  const running = useRef<AbortController | null>(null);
  const send = async (address: ServerAddress, plan: LoadPlan, vocabulary: number): Promise<void> => {
    const controller = new AbortController();
    running.current = controller;
    const { signal } = controller;
    const { requests } = plan;
    let ended = 0;
    const show = (kind: 'running' | 'done' | 'stopped'): void => setProgress({ kind, ended, requests });
    show('running');
    try {
      await sendLoad(
        address,
        { plan, vocabulary },
        {
          ended: (count) => {
            ended = count;
            show('running');
          },
          signal,
        },
      );
      show(signal.aborted ? 'stopped' : 'done');
    } catch (error) {
      if (signal.aborted) show('stopped');
      else setProgress({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) });
    }
  };
  return { progress, send, stop: () => running.current?.abort() };
}

export function LoadPanel({
  address,
  state,
  words,
}: {
  /** Null while no server answers. */
  readonly address: ServerAddress | null;
  readonly state: ServerState | null;
  readonly words: LiveWords;
}): ReactNode {
  const [typed, setTyped] = useState<Partial<LoadPlan>>({});
  const { progress, send, stop } = useLoad();
  const id = useId();
  const plan = { ...usualLoad(state), ...typed };
  const limits = state === null ? null : loadLimits(state, plan);
  const wrong = limits === null ? [] : wrongFields(plan, limits);
  const isRunning = progress.kind === 'running';

  const start = (event: FormEvent): void => {
    event.preventDefault();
    if (address === null || state === null || isRunning || wrong.length > 0) return;
    void send(address, plan, state.vocabulary);
  };
  return (
    <form className="live-load" onSubmit={start} noValidate>
      {fields.map((name) => (
        <div key={name}>
          <label htmlFor={`${id}-${name}`}>{words[`load-${name}`]}</label>
          <input
            id={`${id}-${name}`}
            type="number"
            min={name === 'sharedTokens' ? 0 : 1}
            max={limits?.[name]}
            value={Number.isNaN(plan[name]) ? '' : plan[name]}
            aria-invalid={wrong.includes(name)}
            aria-describedby={`${id}-${name}-limit`}
            onInput={(event) => setTyped({ ...typed, [name]: event.currentTarget.valueAsNumber })}
          />
          <small id={`${id}-${name}-limit`} data-wrong={wrong.includes(name)}>
            {limits === null ? '–' : fill(words.atMost, { most: limits[name] })}
          </small>
        </div>
      ))}
      {/* Keys, because a click on a button that becomes the other one would also submit the form. */}
      {isRunning ? (
        <button key="stop" type="button" onClick={stop}>
          {words.stopLoad}
        </button>
      ) : (
        <button key="send" type="submit" disabled={address === null || state === null || wrong.length > 0}>
          {words.startLoad}
        </button>
      )}
      <p role="status" className="live-progress" data-progress={progress.kind}>
        {progressText(progress, words)}
      </p>
    </form>
  );
}

function progressText(progress: Progress, words: LiveWords): string {
  if (progress.kind === 'idle') return words['load-idle'];
  if (progress.kind === 'failed') return fill(words['load-failed'], { reason: progress.reason });
  const { ended, requests } = progress;
  return fill(words[`load-${progress.kind}`], { ended, requests });
}
