/**
 * A running server as it works: memory, KV blocks, requests, latencies, and the plan next to the measurements. The build
 * renders the empty page, so that every part has its place before the first event.
 */
import { formatBytes, formatCount } from '@plimsoll/foundation';
import { type ReactNode, useState } from 'react';
import { fill, type LiveWords } from '../words.ts';
import { BlockGrid } from './block-grid.tsx';
import { ChatPanel } from './chat-panel.tsx';
import { ComparisonTable } from './comparison-table.tsx';
import { ConnectionBar } from './connection-bar.tsx';
import { LatencyHistogram } from './latency-histogram.tsx';
import { LoadPanel } from './load-panel.tsx';
import { RequestTable } from './request-table.tsx';
import type { LiveView, Sample } from './state/live-model.ts';
import { TimeChart } from './time-chart.tsx';
import { useLive } from './use-live.ts';

/** Axes before a server answers. */
const usualBytes = 2 ** 30;
const usualRequests = 8;

export function LiveIsland({ words }: { readonly words: LiveWords }): ReactNode {
  const live = useLive();
  const { view, phase, address } = live;
  const { state } = view;
  const usable = phase.kind === 'live' ? address : null;
  return (
    // The page's policy lets it connect to the server that the reader names.
    <div
      className="live not-content"
      data-ready={live.isReady}
      data-phase={phase.kind}
      data-connection-sources="http: https:"
    >
      <noscript>
        <p>{words.noScript}</p>
      </noscript>
      <ConnectionBar live={live} words={words} />
      <Facts view={view} words={words} />
      <div className="live-panels" data-stale={phase.kind === 'lost'}>
        <section aria-labelledby="live-memory">
          <h2 id="live-memory">{words.memory}</h2>
          <MemoryChart view={view} words={words} />
        </section>
        <section aria-labelledby="live-queue">
          <h2 id="live-queue">{words.queue}</h2>
          <QueueChart view={view} words={words} />
        </section>
        <BlocksPart view={view} words={words} />
        <section aria-labelledby="live-latency" className="live-wide">
          <h2 id="live-latency">{words.latency}</h2>
          <div className="live-histograms">
            {(['firstToken', 'interToken', 'queue'] as const).map((name) => (
              <LatencyHistogram
                key={name}
                title={words[`histogram-${name}`]}
                histogram={state?.histograms[name] ?? null}
                words={words}
              />
            ))}
          </div>
        </section>
        <section aria-labelledby="live-load">
          <h2 id="live-load">{words.load}</h2>
          <p>{words.loadLead}</p>
          <LoadPanel address={usable} state={state} words={words} />
        </section>
        <section aria-labelledby="live-chat">
          <h2 id="live-chat">{words.chat}</h2>
          <ChatPanel address={usable} words={words} />
        </section>
        <section aria-labelledby="live-plan" className="live-wide">
          <h2 id="live-plan">{words.plan}</h2>
          <p>{words.planLead}</p>
          <ComparisonTable view={view} words={words} />
        </section>
      </div>
    </div>
  );
}

function BlocksPart({ view: { state }, words }: PartProps): ReactNode {
  const [chosen, setChosen] = useState<number | null>(null);
  // A request that has ended marks nothing.
  const marked = state?.requests.some(({ id }) => id === chosen) === true ? chosen : null;
  return (
    <section aria-labelledby="live-blocks" className="live-wide">
      <h2 id="live-blocks">{words.blocksTitle}</h2>
      <div className="live-pools">
        {(state === null || state.blocks.length === 0 ? [null] : state.blocks).map((group) => (
          <div key={group?.group ?? ''}>
            {state !== null && state.blocks.length > 1 && <h3>{group?.group}</h3>}
            <BlockGrid group={group} marked={marked} words={words} />
          </div>
        ))}
        <RequestTable state={state} marked={marked} mark={setChosen} words={words} />
      </div>
      <BlockLegend words={words} />
    </section>
  );
}

function MemoryChart({ view: { state, samples }, words }: PartProps): ReactNode {
  const layer = (color: keyof Sample, label: string) => ({
    color,
    label,
    values: samples.map((sample) => sample[color]),
  });
  const held = state?.ledger.reduce((sum, { heldBytes }) => sum + heldBytes, 0) ?? 0;
  return (
    <TimeChart
      alt={
        state === null
          ? words.noValues
          : fill(words.memoryAlt, {
              held: formatBytes(held),
              limit: formatBytes(state.limitBytes),
              resident: formatBytes(state.residentBytes),
            })
      }
      times={samples.map(({ at }) => at)}
      unit="bytes"
      areas={[
        layer('weights', words.weights),
        layer('others', words.others),
        layer('cacheOwned', words.cacheOwned),
        layer('cacheCached', words.cacheCached),
        layer('cacheFree', words.cacheFree),
      ]}
      lines={[layer('resident', words.residentLine)]}
      limit={state === null ? null : { value: state.limitBytes, label: words.limit }}
      nowLabel={words.now}
      usualMax={state === null ? usualBytes : 0}
    />
  );
}

function QueueChart({ view: { state, samples }, words }: PartProps): ReactNode {
  const { running = 0, waiting = 0 } = state?.sequences ?? {};
  return (
    <TimeChart
      alt={state === null ? words.noValues : fill(words.queueAlt, { running, waiting })}
      times={samples.map(({ at }) => at)}
      unit="count"
      areas={[
        { color: 'running', label: words.running, values: samples.map((sample) => sample.running) },
        { color: 'waiting', label: words.waiting, values: samples.map((sample) => sample.waiting) },
      ]}
      lines={[]}
      limit={state === null ? null : { value: state.sequencesMax, label: words.sequencesMax }}
      nowLabel={words.now}
      usualMax={usualRequests}
    />
  );
}

interface PartProps {
  readonly view: LiveView;
  readonly words: LiveWords;
}

function Facts({ view: { state }, words }: PartProps): ReactNode {
  const facts: readonly (readonly [label: string, value: string])[] = [
    [words.model, state?.model ?? '–'],
    [words.contextMax, state === null ? '–' : formatCount(state.contextMax)],
    [words.running, state === null ? '–' : formatCount(state.sequences.running)],
    [words.waiting, state === null ? '–' : formatCount(state.sequences.waiting)],
    [words.outputTotal, state === null ? '–' : formatCount(state.totals.outputTokens)],
    [words.prefixHits, hitShare(state)],
    [words.preemptions, state === null ? '–' : formatCount(state.totals.preemptions)],
  ];
  return (
    <dl className="live-facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function hitShare(state: LiveView['state']): string {
  if (state === null || state.totals.prefixQueryTokens === 0) return '–';
  return `${((100 * state.totals.prefixHitTokens) / state.totals.prefixQueryTokens).toFixed(0)} %`;
}

function BlockLegend({ words }: { readonly words: LiveWords }): ReactNode {
  const kinds = [
    ['owner-0', words['cell-owned']],
    ['shared', words['cell-shared']],
    ['cached', words['cell-cached']],
    ['free', words['cell-free']],
  ] as const;
  return (
    <ul className="live-legend">
      {kinds.map(([kind, label]) => (
        <li key={kind}>
          <svg viewBox="0 0 10 10" width="14" height="14" aria-hidden="true">
            <path data-cell={kind} d="M0.75 0.75h8.5v8.5h-8.5z" />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}
