/** The report of one run: a sentence, latencies, load, verdicts. */
import { formatCount, formatSeconds } from '@plimsoll/foundation';
import type { ReactNode } from 'react';
import { fill, type SimulateWords } from '../../words.ts';
import type { ScenarioResult } from '../worker/run-scenario.ts';
import { percent, rate } from './figure-text.ts';

type Answer = ScenarioResult['answer'];

interface PartProps {
  readonly answer: Answer;
  readonly words: SimulateWords;
}

export function RunFigures({
  result,
  words,
}: {
  readonly result: ScenarioResult;
  readonly words: SimulateWords;
}): ReactNode {
  const { answer, notes } = result;
  return (
    <>
      <p className="sim-sentence">{runSentence(answer, words)}</p>
      {!answer.stable && (
        <p className="sim-unstable" role="alert">
          <strong>{words.unstable}</strong> {answer.unstableReason}
        </p>
      )}
      <LatencyTable answer={answer} words={words} />
      <RunFacts answer={answer} words={words} />
      <Verdicts answer={answer} words={words} />
      <ul className="sim-notes">
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </>
  );
}

/** What was simulated, and the result in a sentence. */
export function runSentence(
  { scenario, requests, throughput, ttft, itl }: Answer,
  words: SimulateWords,
): string {
  const { model, hardware, devices, engine, engineVersion } = scenario;
  return fill(words.sentence, {
    model,
    devices: formatCount(devices),
    hardware,
    engine: [engine, engineVersion ?? []].flat().join(' '),
    completed: formatCount(requests.completed),
    rate: rate(throughput.requestsPerSecond),
    ttft: ttft === null ? '–' : formatSeconds(ttft.p50),
    ttftLate: ttft === null ? '–' : formatSeconds(ttft.p99),
    itl: itl === null ? '–' : formatSeconds(itl.p50),
  });
}

const statistics = ['mean', 'p50', 'p90', 'p99'] as const;

function LatencyTable({ answer, words }: PartProps): ReactNode {
  const { ttft, ttftParts, itl, tokenGap, e2e, sessions } = answer;
  const rows = [
    [words.ttft, ttft],
    [words.queue, ttftParts.queue],
    [words.prefill, ttftParts.prefill],
    [words.itl, itl],
    [words.tokenGap, tokenGap],
    [words.e2e, e2e],
    ...(sessions === null ? [] : [[words.session, sessions.duration] as const]),
  ] as const;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must take the focus
    <section className="sim-scroll" aria-label={words.latencies} tabIndex={0}>
      <table>
        <caption>{words.latencies}</caption>
        <thead>
          <tr>
            <th scope="col">{words.figure}</th>
            {statistics.map((name) => (
              <th key={name} scope="col">
                {words[name]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(([label, figure]) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {statistics.map((name) => (
                <td key={name}>{figure === null ? '–' : formatSeconds(figure[name])}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function RunFacts({ answer, words }: PartProps): ReactNode {
  const { requests, throughput, goodput, kvCache, batch, cost, simulatedSeconds } = answer;
  const facts: readonly (readonly [label: string, value: string])[] = [
    [words.completed, formatCount(requests.completed)],
    [words.censored, formatCount(requests.censored)],
    [words.refused, formatCount(requests.refused)],
    [words.simulated, formatSeconds(simulatedSeconds)],
    [words.requestRate, rate(throughput.requestsPerSecond)],
    [words.outputRate, rate(throughput.outputTokensPerSecond)],
    [words.goodput, goodput === null ? '–' : rate(goodput.requestsPerSecond)],
    [words.goodShare, goodput === null ? '–' : percent(goodput.share)],
    [words.kvMean, percent(kvCache.occupancyMean)],
    [words.kvPeak, percent(kvCache.occupancyPeak)],
    [words.prefixHits, percent(kvCache.prefixHitShare)],
    [words.preemptions, formatCount(kvCache.preemptions)],
    [words.runningMean, rate(batch.runningMean)],
    [words.waitingMean, rate(batch.waitingMean)],
    [words.perHour, cost === null ? '–' : `$${cost.perHourUsd.toFixed(2)}`],
    [words.perMillion, cost === null ? '–' : `$${cost.perMillionOutputUsd.toFixed(2)}`],
  ];
  return (
    <dl className="sim-facts">
      {facts.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Verdicts({ answer: { slo, assert }, words }: PartProps): ReactNode {
  if (slo.length === 0 && assert.length === 0) return null;
  const verdict = (holds: boolean): string => (holds ? words.holds : words.missed);
  return (
    <ul className="sim-verdicts" aria-label={words.verdicts}>
      {slo.map(({ name, limitSeconds, seconds, holds }) => (
        <li key={name} data-holds={holds}>
          <b>{verdict(holds)}</b> {name} ≤ {formatSeconds(limitSeconds)}:{' '}
          {seconds === null ? words.noValue : formatSeconds(seconds)}
        </li>
      ))}
      {assert.map(({ metric, min, max, value, holds }) => (
        <li key={metric} data-holds={holds}>
          <b>{verdict(holds)}</b> {min === null ? '' : `${min} ≤ `}
          {metric}
          {max === null ? '' : ` ≤ ${max}`}: {value === null ? words.noValue : Number(value.toPrecision(3))}
        </li>
      ))}
    </ul>
  );
}
