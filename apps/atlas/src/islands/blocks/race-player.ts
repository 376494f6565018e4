/** Runs races in the page: loaded with the serving core when someone presses a button. */
import { Race, type RaceOptions } from '../../allocation/race.ts';
import { type RaceSnapshot, snapshotOf } from './race-snapshot.ts';

export class RacePlayer {
  #race: Race;
  #options: RaceOptions;

  constructor(options: RaceOptions, step: number) {
    this.#options = options;
    this.#race = new Race(options);
    this.advance(step);
  }

  get isDone(): boolean {
    return this.#race.isDone;
  }

  advance(steps: number): RaceSnapshot {
    for (let count = 0; count < steps && !this.#race.isDone; count++) this.#race.step();
    return snapshotOf(this.#race);
  }

  restart(seed: number = this.#options.seed): RaceSnapshot {
    this.#options = { ...this.#options, seed };
    this.#race = new Race(this.#options);
    return snapshotOf(this.#race);
  }
}
