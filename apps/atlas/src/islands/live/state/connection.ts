/**
 * One stream of events from a server, opened again whenever it ends. The page shows each phase, so that a reader sees whether
 * the numbers are current.
 */
import { eventsOf, type ServerEvent } from './event-reader.ts';

export type Phase =
  | { readonly kind: 'idle' }
  | { readonly kind: 'connecting' }
  | { readonly kind: 'live' }
  /** The server wants an API key, or another one. */
  | { readonly kind: 'key'; readonly isWrong: boolean }
  | { readonly kind: 'lost'; readonly waitSeconds: number; readonly status: number | null };

export interface ServerAddress {
  /** Origin of the server, without a slash at its end. */
  readonly url: string;
  /** Empty: none. */
  readonly key: string;
}

/** Waits between attempts; the last repeats. */
const waitsSeconds: readonly number[] = [0.5, 1, 2, 4, 5];

export interface Watcher {
  phase(phase: Phase): void;
  event(event: ServerEvent): void;
}

export function headersOf({ key }: ServerAddress): Record<string, string> {
  return key === '' ? {} : { Authorization: `Bearer ${key}` };
}

/** Watches the server until the signal aborts. Resolves earlier only if the server wants another key. */
export async function watchServer(
  address: ServerAddress,
  { phase, event }: Watcher,
  signal: AbortSignal,
): Promise<void> {
  phase({ kind: 'connecting' });
  for (let failures = 0; !signal.aborted; failures++) {
    let status: number | null = null;
    try {
      const response = await fetch(`${address.url}/v1/events?state=true`, {
        headers: headersOf(address),
        signal,
      });
      if (response.status === 401) return phase({ kind: 'key', isWrong: address.key !== '' });
      if (response.ok) {
        phase({ kind: 'live' });
        failures = 0;
        for await (const one of eventsOf(response)) event(one);
      } else status = response.status;
    } catch {
      // The server is down, or it ended in the middle of the stream.
    }
    if (signal.aborted) return;
    const waitSeconds = waitsSeconds[Math.min(failures, waitsSeconds.length - 1)] ?? 5;
    phase({ kind: 'lost', waitSeconds, status });
    await pause(waitSeconds, signal);
  }
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(end, 1000 * seconds);
    signal.addEventListener('abort', end, { once: true });
  });
}

/** Reads an address as people type it: `localhost:8080`, `http://host/`. Null if it is none. */
export function parseServerUrl(text: string): string | null {
  const trimmed = text.trim();
  const full = /^[a-z][a-z+.-]*:\/\//i.test(trimmed) ? trimmed : `http://${trimmed}`;
  // Browsers escape a space within a host name.
  if (/^$|\s/.test(trimmed) || !URL.canParse(full)) return null;
  const { origin, protocol } = new URL(full);
  return protocol === 'http:' || protocol === 'https:' ? origin : null;
}
