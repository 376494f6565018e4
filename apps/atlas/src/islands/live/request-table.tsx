/** The live requests. A button in each row marks the blocks of its request in the grid. */
import { formatCount } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type LiveWords } from '../words.ts';
import { ownerColor } from './state/cells.ts';
import type { RequestState, ServerState } from './state/server-events.ts';

interface RequestTableProps {
  readonly state: ServerState | null;
  readonly marked: number | null;
  readonly mark: (id: number | null) => void;
  readonly words: LiveWords;
}

export function RequestTable({ state, marked, mark, words }: RequestTableProps): ReactNode {
  const requests = state?.requests ?? [];
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls the table.
    <section className="live-requests" tabIndex={0} aria-label={words.requests}>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.request}</th>
            <th scope="col">{words.requestState}</th>
            <th scope="col">{words.promptTokens}</th>
            <th scope="col">{words.cachedTokens}</th>
            <th scope="col">{words.outputTokens}</th>
            <th scope="col">{words.blocks}</th>
          </tr>
        </thead>
        <tbody>
          {requests.map((request) => (
            <tr key={request.id}>
              <th scope="row">
                <button
                  type="button"
                  aria-pressed={marked === request.id}
                  aria-label={fill(words.markBlocks, { request: request.id })}
                  onClick={() => mark(marked === request.id ? null : request.id)}
                >
                  <svg viewBox="0 0 10 10" width="12" height="12" aria-hidden="true">
                    <path
                      data-cell={request.blocks > 0 ? `owner-${ownerColor(request.id)}` : 'free'}
                      d="M0 0h10v10h-10z"
                    />
                  </svg>
                  {request.id}
                </button>
              </th>
              <td>{stateText(request, words)}</td>
              <td>{formatCount(request.promptTokens)}</td>
              <td>{formatCount(request.cachedTokens)}</td>
              <td>{formatCount(request.outputTokens)}</td>
              <td>{formatCount(request.blocks)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {requests.length === 0 && <p>{words.noRequests}</p>}
      {state !== null && state.requestsLeftOut > 0 && (
        <p>{fill(words.moreRequests, { count: formatCount(state.requestsLeftOut) })}</p>
      )}
    </section>
  );
}

function stateText(
  { state, isPaused, computedTokens, promptTokens }: RequestState,
  words: LiveWords,
): string {
  if (isPaused) return words['state-paused'];
  if (state === 'prefilling') {
    const share = Math.floor((100 * computedTokens) / Math.max(1, promptTokens));
    return `${words['state-prefilling']} ${Math.min(100, share)} %`;
  }
  const names: Readonly<Record<string, string>> = {
    waiting: words['state-waiting'],
    decoding: words['state-decoding'],
    preempted: words['state-preempted'],
  };
  return names[state] ?? state;
}
