/** The page's connection to a server: its address, its phase, and a view that is drawn a few times a second. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { type Phase, type ServerAddress, watchServer } from './state/connection.ts';
import { emptyView, LiveModel, type LiveView } from './state/live-model.ts';
import { parseObject, parseState, parseStep } from './state/server-events.ts';

/** Milliseconds between two drawings: a step takes a few milliseconds, and a reader cannot follow these. */
const drawMilliseconds = 250;

export interface Live {
  readonly isReady: boolean;
  readonly address: ServerAddress | null;
  readonly phase: Phase;
  readonly view: LiveView;
  connect(address: ServerAddress): void;
  disconnect(): void;
}

export function useLive(): Live {
  const [isReady, setReady] = useState(false);
  const [address, setAddress] = useState<ServerAddress | null>(null);
  const [phase, setPhase] = useState<Phase>({ kind: 'idle' });
  const [view, setView] = useState<LiveView>(emptyView);
  const model = useRef(new LiveModel());
  const watched = useRef('');

  useEffect(() => {
    let isGone = false;
    void isServedByProgram().then((isServed) => {
      if (isGone) return;
      setReady(true);
      if (isServed) setAddress({ url: location.origin, key: '' });
    });
    return () => {
      isGone = true;
    };
  }, []);

  useEffect(() => {
    if (address === null) return;
    if (watched.current !== address.url) {
      model.current = new LiveModel();
      setView(emptyView);
    }
    watched.current = address.url;
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const draw = (): void => {
      timer = undefined;
      setView(model.current.view);
    };
    const event = ({ name, data }: { readonly name: string; readonly data: string }): void => {
      const state = name === 'state' ? parseState(data) : null;
      const step = name === 'step' ? parseStep(data) : null;
      if (state !== null) model.current.takeState(state, performance.now() / 1000);
      if (step !== null) model.current.takeStep(step);
      timer ??= setTimeout(draw, drawMilliseconds);
    };
    void watchServer(address, { phase: setPhase, event }, ended.signal);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [address]);

  const connect = useCallback((next: ServerAddress): void => setAddress({ ...next }), []);
  const disconnect = useCallback((): void => {
    setAddress(null);
    setPhase({ kind: 'idle' });
  }, []);
  return { isReady, address, phase, view, connect, disconnect };
}

/** The site has this file, and `plimsoll serve` answers it in another way: no request of the page fails on other servers. */
async function isServedByProgram(): Promise<boolean> {
  try {
    const response = await fetch('/server.json', { cache: 'no-store' });
    return response.ok && parseObject(await response.text())?.serves === true;
  } catch {
    return false;
  }
}
