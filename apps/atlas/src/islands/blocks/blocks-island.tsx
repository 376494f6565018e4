/**
 * Plays paged against static memory. The build renders the picture after some steps; a button fetches the serving core and
 * continues from there. Nothing moves by itself. If the system asks for reduced motion, the piece offers single steps alone.
 */
import { formatCount } from '@plimsoll/foundation';
import { type ReactNode, useCallback, useEffect, useRef, useState } from 'react';
import type { MemoryUse } from '../../allocation/memory-use.ts';
import type { RaceOptions } from '../../allocation/race.ts';
import { type BlocksWords, fill } from '../words.ts';
import { MemoryGrid } from './memory-grid.tsx';
import type { RacePlayer } from './race-player.ts';
import type { RaceSnapshot, SideSnapshot } from './race-snapshot.ts';

export interface BlocksIslandProps {
  readonly options: RaceOptions;
  readonly snapshot: RaceSnapshot;
  readonly words: BlocksWords;
}

/** Steps per second at the lowest speed, where a reader sees each step. */
const stepsPerSecond = 15;
const speeds: readonly number[] = [1, 4, 16];
const stepSizes: readonly number[] = [1, 50];

export function BlocksIsland({ options, snapshot, words }: BlocksIslandProps): ReactNode {
  const race = useRace(options, snapshot);
  const { shown, isPlaying, isDone, speed, said } = race;
  return (
    <div className="blocks not-content" data-ready={race.isReady}>
      <noscript>
        <p>{fill(words.noScript, { step: snapshot.step })}</p>
      </noscript>
      <div className="blocks-controls">
        {!race.isStill && (
          <button type="button" onClick={race.toggle} disabled={isDone}>
            {isPlaying ? words.pause : words.play}
          </button>
        )}
        {stepSizes.map((steps) => (
          <button key={steps} type="button" onClick={() => race.advance(steps)} disabled={isDone}>
            {fill(steps === 1 ? words.step : words.steps, { steps })}
          </button>
        ))}
        <button type="button" onClick={() => race.restart()}>
          {words.restart}
        </button>
        <button type="button" onClick={() => race.restart(race.seed + 1)}>
          {words.seed}
        </button>
        {!race.isStill && (
          <label>
            {words.speed}{' '}
            <select value={speed} onChange={(event) => race.setSpeed(Number(event.target.value))}>
              {speeds.map((times) => (
                <option key={times} value={times}>
                  {fill(words.speedTimes, { times })}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      {race.isStill && <p>{words.reduced}</p>}
      <p className="blocks-step">{fill(words.stepNumber, { step: formatCount(shown.step) })}</p>
      <p className="visually-hidden" role="status">
        {said}
      </p>
      <div className="blocks-sides">
        <Side title={words.static} side={shown.static} snapshot={shown} words={words} />
        <Side
          title={fill(words.paged, { size: shown.blockTokens })}
          side={shown.paged}
          snapshot={shown}
          words={words}
        />
      </div>
      <Legend words={words} />
      <Counters shown={shown} words={words} />
      {shown.static.endedAt !== null && shown.paged.endedAt !== null && (
        <p className="blocks-end">
          {fill(words.done, {
            count: shown.requestCount,
            static: formatCount(shown.static.endedAt),
            paged: formatCount(shown.paged.endedAt),
          })}
        </p>
      )}
    </div>
  );
}

interface RaceControls {
  readonly shown: RaceSnapshot;
  readonly isReady: boolean;
  readonly isPlaying: boolean;
  readonly isDone: boolean;
  /** True where the system asks for no motion. */
  readonly isStill: boolean;
  readonly speed: number;
  readonly seed: number;
  readonly said: string;
  toggle(): void;
  advance(steps: number): void;
  restart(seed?: number): void;
  setSpeed(speed: number): void;
}

function useRace(options: RaceOptions, snapshot: RaceSnapshot): RaceControls {
  const [shown, setShown] = useState(snapshot);
  const [isPlaying, setPlaying] = useState(false);
  const [isStill, setStill] = useState(false);
  const [isReady, setReady] = useState(false);
  const [speed, setSpeed] = useState(4);
  const [seed, setSeed] = useState(options.seed);
  const [said, setSaid] = useState('');
  const player = useRef<Promise<RacePlayer> | null>(null);
  const withPlayer = useCallback(
    (use: (player: RacePlayer) => void): void => {
      player.current ??= import('./race-player.ts').then(
        ({ RacePlayer: Player }) => new Player(options, snapshot.step),
      );
      void player.current.then(use);
    },
    [options, snapshot.step],
  );
  useEffect(() => {
    setReady(true);
    const query = matchMedia('(prefers-reduced-motion: reduce)');
    const look = (): void => {
      setStill(query.matches);
      if (query.matches) setPlaying(false);
    };
    look();
    query.addEventListener('change', look);
    return () => query.removeEventListener('change', look);
  }, []);
  useEffect(() => {
    if (!isPlaying) return;
    let isStopped = false;
    withPlayer((running) =>
      play(running, { speed, isStopped: () => isStopped, show: setShown, end: () => setPlaying(false) }),
    );
    return () => {
      isStopped = true;
    };
  }, [isPlaying, speed, withPlayer]);
  const show = (next: RaceSnapshot): void => {
    setShown(next);
    setSaid(String(next.step));
  };
  return {
    shown,
    isReady,
    isPlaying,
    isDone: shown.static.endedAt !== null && shown.paged.endedAt !== null,
    isStill,
    speed,
    seed,
    said,
    setSpeed,
    toggle: () => setPlaying(!isPlaying),
    advance: (steps) => withPlayer((running) => show(running.advance(steps))),
    restart: (next = seed) => {
      setSeed(next);
      withPlayer((running) => show(running.restart(next)));
    },
  };
}

interface PlayOptions {
  readonly speed: number;
  readonly isStopped: () => boolean;
  readonly show: (snapshot: RaceSnapshot) => void;
  readonly end: () => void;
}

/** Runs the steps that the elapsed time is worth, and draws once per frame. */
function play(player: RacePlayer, { speed, isStopped, show, end }: PlayOptions): void {
  let owed = 0;
  let before: number | null = null;
  const frame = (now: number): void => {
    if (isStopped()) return;
    // After the page was hidden in another tab, the race continues and does not catch up.
    owed += before === null ? 0 : (Math.min(100, now - before) / 1000) * stepsPerSecond * speed;
    before = now;
    const steps = Math.floor(owed);
    owed -= steps;
    if (steps > 0) show(player.advance(steps));
    if (player.isDone) end();
    else requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}

function Side({
  title,
  side,
  snapshot,
  words,
}: {
  readonly title: string;
  readonly side: SideSnapshot<MemoryUse>;
  readonly snapshot: RaceSnapshot;
  readonly words: BlocksWords;
}): ReactNode {
  const share = (tokens: number): string => percent(tokens, snapshot.memoryTokens);
  const { usedTokens, internalTokens, freeTokens } = side.use;
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <MemoryGrid
        cells={side.cells}
        alt={fill(words.stripAlt, {
          name: title,
          used: share(usedTokens),
          internal: share(internalTokens),
          free: share(freeTokens),
        })}
      />
    </figure>
  );
}

const legend = ['used', 'partial', 'shared', 'reserved', 'kept', 'free'] as const;

function Legend({ words }: { readonly words: BlocksWords }): ReactNode {
  return (
    <ul className="blocks-legend">
      {legend.map((state) => (
        <li key={state}>
          <svg viewBox="0 0 10 10" width="14" height="14" className="memory-grid" aria-hidden="true">
            <path data-cell={state} d="M0.75 0.75h8.5v8.5h-8.5z" />
          </svg>
          {words[`cell-${state}`]}
        </li>
      ))}
    </ul>
  );
}

type CounterName =
  | 'running'
  | 'waiting'
  | 'finished'
  | 'used'
  | 'internal'
  | 'external'
  | 'free'
  | 'shared'
  | 'savedTokens';

function counterText(name: CounterName, side: 'static' | 'paged', shown: RaceSnapshot): string {
  const { use } = shown[side];
  const paged = shown.paged.use;
  const share = (tokens: number): string => `${percent(tokens, shown.memoryTokens)} %`;
  switch (name) {
    case 'running':
    case 'waiting':
    case 'finished':
      return formatCount(use[name]);
    case 'used':
      return share(use.usedTokens);
    case 'internal':
      return share(use.internalTokens);
    case 'external':
      return share(use.externalTokens);
    case 'free':
      return share(use.freeTokens - use.externalTokens);
    case 'shared':
      return side === 'static' ? '–' : formatCount(paged.sharedBlocks);
    case 'savedTokens':
      return side === 'static' ? '–' : formatCount(paged.foundTokens);
    default:
      return name satisfies never;
  }
}

const counters: readonly CounterName[] = [
  'running',
  'waiting',
  'finished',
  'used',
  'internal',
  'external',
  'free',
  'shared',
  'savedTokens',
];

function Counters({
  shown,
  words,
}: {
  readonly shown: RaceSnapshot;
  readonly words: BlocksWords;
}): ReactNode {
  return (
    <table className="blocks-counters">
      <caption>{words.counters}</caption>
      <thead>
        <tr>
          <th scope="col">{words.counter}</th>
          <th scope="col">{words.staticShort}</th>
          <th scope="col">{words.pagedShort}</th>
        </tr>
      </thead>
      <tbody>
        {counters.map((name) => (
          <tr key={name}>
            <th scope="row">{words[name]}</th>
            <td data-counter={`static-${name}`}>{counterText(name, 'static', shown)}</td>
            <td data-counter={`paged-${name}`}>{counterText(name, 'paged', shown)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function percent(tokens: number, ofTokens: number): string {
  return ((tokens / ofTokens) * 100).toFixed(1);
}
