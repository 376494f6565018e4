/**
 * Searches the cheapest deployment that holds the SLOs. The search is best first by a lower bound of the objective: the
 * bound of a candidate is its value with the least replicas that the load needs. A candidate whose bound exceeds the
 * values of the winner and the runner-up is not simulated. Equal inputs give equal results.
 */
import type { SimulationReport } from '../report.ts';
import type { Slo } from '../scenario/slo-text.ts';
import type { SimulationInput } from '../simulate.ts';
import { sloVerdicts } from '../verdicts.ts';
import {
  type BoundedReplica,
  type BrokenSlo,
  brokenSlo,
  replicasMin,
  requestRateMax,
} from './closed-bounds.ts';
import { endsWithoutHope } from './early-end.ts';
import type { OfferedLoad } from './offered-load.ts';
import {
  compareTrials,
  type Objective,
  objectiveValue,
  type ReplicaOption,
  type Trial,
  tightest,
  unitValue,
} from './trial.ts';

export interface OptimizeProblem<Candidate> {
  readonly objective: Objective;
  readonly slo: Slo;
  readonly load: OfferedLoad;
  readonly options: readonly ReplicaOption<Candidate>[];
  /** Most devices of a deployment. */
  readonly devicesMax: number;
  readonly boundedOf: (candidate: Candidate) => BoundedReplica;
  /** Runs the workload; `endsEarly` ends a run that cannot hold the SLOs. */
  readonly simulate: (
    candidate: Candidate,
    replicas: number,
    endsEarly: SimulationInput['endsEarly'],
  ) => SimulationReport;
  /** Requests of a run. */
  readonly requests: number;
  /** Called after each simulation with the number of simulations and of the candidates that are done. */
  readonly onTrial?: (trials: number, doneCandidates: number, candidates: number) => void;
  /** False simulates every candidate, for the test of the bounds. Default: true. */
  readonly prunes?: boolean;
}

export interface OptimizeResult<Candidate> {
  readonly trials: readonly Trial<Candidate>[];
  /** Trials that hold the SLOs, best first. */
  readonly meeting: readonly Trial<Candidate>[];
  /** Candidates by what became of them. */
  readonly counts: {
    readonly simulated: number;
    /** A closed form breaks an SLO, or the load needs more devices than allowed. */
    readonly tooSlow: number;
    readonly tooLarge: number;
    /** The least value of the objective exceeds the values of winner and runner-up. */
    readonly dearer: number;
    /** The search ended at its most simulations. */
    readonly leftOver: number;
  };
  /** The whole run of the trial that exceeds its SLOs least; null if a trial holds them, or if there is none. */
  readonly nearest: Trial<Candidate> | null;
  /** The candidate without a simulation that breaks its SLO by the smallest factor; null if all were simulated. */
  readonly nearestBound: { readonly option: ReplicaOption<Candidate>; readonly broken: BrokenSlo } | null;
}

/** Candidates that are simulated before the search ends: they make the front of price and latency. */
const candidatesMin = 8;
/** Most simulations of a search, and the steps of all replicas after which it starts no other candidate. */
const trialsMax = 120;
const stepsMax = 3_000_000;
/** Factors from one failing number of replicas to the next: devices that are too slow in any number end soon. */
const growths: readonly number[] = [1.5, 2, 4];
/** Most simulations of one candidate. */
const trialsPerCandidate = 8;

interface Bounded<Candidate> {
  readonly option: ReplicaOption<Candidate>;
  readonly least: number;
  readonly bound: number;
}

export function optimize<Candidate>(problem: OptimizeProblem<Candidate>): OptimizeResult<Candidate> {
  return new Search(problem).run();
}

class Search<Candidate> {
  readonly #problem: OptimizeProblem<Candidate>;
  readonly #trials: Trial<Candidate>[] = [];
  #tooSlow = 0;
  /** Steps of all simulations so far. */
  #steps = 0;
  #tooLarge = 0;
  #nearestBound: OptimizeResult<Candidate>['nearestBound'] = null;

  constructor(problem: OptimizeProblem<Candidate>) {
    this.#problem = problem;
  }

  run(): OptimizeResult<Candidate> {
    const queue = this.#bounded();
    let [simulated, dearer, leftOver] = [0, 0, 0];
    for (const [index, entry] of queue.entries()) {
      if (this.#problem.prunes !== false && simulated >= candidatesMin && this.#isBeaten(entry)) {
        dearer = queue.length - index;
        break;
      }
      const isLong = this.#steps > stepsMax && simulated >= candidatesMin;
      if (this.#trials.length >= trialsMax || isLong) {
        leftOver = queue.length - index;
        break;
      }
      this.#tryReplicas(entry, { done: index, all: queue.length });
      simulated++;
    }
    const meeting = this.#meeting();
    return {
      trials: this.#trials,
      meeting,
      nearest: meeting.length === 0 ? this.#nearest() : null,
      counts: { simulated, tooSlow: this.#tooSlow, tooLarge: this.#tooLarge, dearer, leftOver },
      nearestBound: this.#nearestBound,
    };
  }

  /** Returns the candidates that the closed forms leave, the least bound first. */
  #bounded(): readonly Bounded<Candidate>[] {
    const { objective, load, slo, options, devicesMax, boundedOf, prunes, requests } = this.#problem;
    const queue: Bounded<Candidate>[] = [];
    for (const option of options) {
      const replica = boundedOf(option.candidate);
      const broken = prunes === false ? null : brokenSlo(replica, load, slo);
      if (broken !== null) {
        this.#tooSlow++;
        this.#keepNearest(option, broken);
        continue;
      }
      const most = Math.floor(devicesMax / option.devices);
      const least = replicasMin(replica, load, { slo: prunes === false ? {} : slo, requests });
      if (least > most) this.#tooLarge++;
      else if (objective === 'goodput') {
        const rate = Math.min(load.requestsPerSecond ?? Infinity, most * requestRateMax(replica, load));
        queue.push({ option, least: most, bound: -rate });
      } else queue.push({ option, least, bound: least * unitValue(objective, option) });
    }
    return queue.sort(
      (left, right) =>
        left.bound - right.bound ||
        left.option.quality - right.option.quality ||
        left.option.devices - right.option.devices,
    );
  }

  #keepNearest(option: ReplicaOption<Candidate>, broken: BrokenSlo): void {
    const nearest = this.#nearestBound;
    const factor = ({ seconds, limitSeconds }: BrokenSlo): number => seconds / limitSeconds;
    if (nearest === null || factor(broken) < factor(nearest.broken)) this.#nearestBound = { option, broken };
  }

  /** The queue is sorted by bound and quality, so a beaten candidate ends the search. */
  #isBeaten({ bound, option }: Bounded<Candidate>): boolean {
    const threshold = this.#threshold();
    const quality = this.#meeting()[0]?.option.quality ?? Infinity;
    return bound > threshold || (bound === threshold && option.quality >= quality);
  }

  #nearest(): Trial<Candidate> | null {
    let nearest: Trial<Candidate> | null = null;
    const distance = ({ report, slo }: Trial<Candidate>): number =>
      report.stable && report.requests.refused === 0 ? (tightest(slo)?.share ?? Infinity) : Infinity;
    for (const trial of this.#trials) {
      if (nearest === null || distance(trial) < distance(nearest)) nearest = trial;
    }
    return nearest === null ? null : this.#run(nearest.option, nearest.replicas, true);
  }

  /** The value of the runner-up: a dearer candidate is neither the winner nor the runner-up. */
  #threshold(): number {
    const { objective } = this.#problem;
    const second = runnerUpOf(this.#meeting());
    return second === null ? Infinity : objectiveValue(objective, second);
  }

  #meeting(): readonly Trial<Candidate>[] {
    return this.#trials.filter(({ meets }) => meets).sort(compareTrials(this.#problem.objective));
  }

  /** Finds the least number of replicas that holds the SLOs: grows until one does, then halves the interval. */
  #tryReplicas(entry: Bounded<Candidate>, progress: { readonly done: number; readonly all: number }): void {
    const { objective, devicesMax } = this.#problem;
    const most = Math.floor(devicesMax / entry.option.devices);
    let [failing, replicas, meeting] = [entry.least - 1, entry.least, Infinity];
    for (let count = 0; count < trialsPerCandidate; count++) {
      const trial = this.#trial(entry.option, replicas);
      this.#problem.onTrial?.(this.#trials.length, progress.done, progress.all);
      if (trial.meets) meeting = replicas;
      else failing = replicas;
      // More replicas cost more, and with all devices there are no more.
      if (objective === 'goodput' || (!trial.meets && !this.#mayImprove(trial))) return;
      const next =
        meeting === Infinity
          ? Math.max(failing + 1, Math.ceil(failing * (growths[count] ?? Infinity)))
          : Math.floor((failing + meeting) / 2);
      replicas = Math.min(next, most);
      if (replicas <= failing || replicas >= meeting) return;
      if (replicas * unitValue(objective, entry.option) > this.#threshold()) return;
    }
  }

  /** More replicas shorten queues and batches; with half a request in the system there are none to shorten. */
  #mayImprove({ report: { requests, batch, stable } }: Trial<Candidate>): boolean {
    if (requests.refused > 0) return false;
    return !stable || batch.runningMean + batch.waitingMean > 0.5;
  }

  #trial(option: ReplicaOption<Candidate>, replicas: number): Trial<Candidate> {
    const trial = this.#run(option, replicas, this.#problem.prunes === false);
    this.#trials.push(trial);
    this.#steps += trial.report.batch.steps;
    return trial;
  }

  #run(option: ReplicaOption<Candidate>, replicas: number, isWhole: boolean): Trial<Candidate> {
    const { slo, requests, simulate } = this.#problem;
    const endsEarly = isWhole ? undefined : endsWithoutHope(slo, requests);
    const report = simulate(option.candidate, replicas, endsEarly);
    const verdicts = sloVerdicts(report, { slo });
    const meets = report.stable && report.requests.refused === 0 && verdicts.every(({ holds }) => holds);
    return { option, replicas, report, slo: verdicts, meets };
  }
}

/** Returns the best trial on other devices or in another layout than the first; null if there is none. */
export function runnerUpOf<Candidate>(meeting: readonly Trial<Candidate>[]): Trial<Candidate> | null {
  const [winner] = meeting;
  return meeting.find(({ option }) => option.hardware !== winner?.option.hardware) ?? null;
}
