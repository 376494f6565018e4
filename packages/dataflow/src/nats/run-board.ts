/** What a run shows to everybody, in the server's key-value store: its quantum, whether it goes on, and its counts. */
import { type KV, Kvm } from '@nats-io/kv';
import { PlimsollError } from '@plimsoll/foundation';
import { z } from 'zod';
import { parseControlData } from '../contracts/control-data.ts';
import type { RunStatus } from '../control/data-flow-controller.ts';
import type { NatsLink } from './nats-connection.ts';
import { boardBucket, runNames } from './run-names.ts';

/** What producers need to know of a run; it stays the same over restarts. */
export interface RunTerms {
  /** Samples of one optimizer step. */
  readonly quantum: number;
  readonly attemptsMax: number;
}

export type RunState =
  | { readonly kind: 'open' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string };

const termsSchema = z.strictObject({ quantum: z.int().positive(), attemptsMax: z.int().positive() });
const stateSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('open') }),
  z.strictObject({ kind: z.literal('ended') }),
  z.strictObject({ kind: z.literal('failed'), code: z.string(), message: z.string() }),
]);

export class RunBoard {
  readonly #link: NatsLink;
  readonly #values: KV;
  readonly #runId: string;

  private constructor(link: NatsLink, values: KV, runId: string) {
    this.#link = link;
    this.#values = values;
    this.#runId = runId;
  }

  static async open(link: NatsLink, runId: string): Promise<RunBoard> {
    const values = await link.persist(() => new Kvm(link.streams).create(boardBucket, { history: 1 }));
    return new RunBoard(link, values, runId);
  }

  /** Claims a run for its controller. Throws `run-terms-differ` if the run has other terms already. */
  async claim(terms: RunTerms): Promise<void> {
    const found = await this.terms();
    if (found === null) await this.#put('terms', terms);
    else if (found.quantum !== terms.quantum) throw termsDiffer(this.#runId, terms, found);
    else await this.#put('terms', terms);
  }

  async terms(): Promise<RunTerms | null> {
    const value = await this.#get('terms');
    return value === null ? null : parseControlData(termsSchema, value, boardError);
  }

  async setState(state: RunState): Promise<void> {
    await this.#put('state', state);
  }

  async state(): Promise<RunState | null> {
    const value = await this.#get('state');
    return value === null ? null : parseControlData(stateSchema, value, boardError);
  }

  async setStatus(status: RunStatus): Promise<void> {
    await this.#put('status', status);
  }

  /** The counts of the run as its controller last wrote them, for people and views. */
  async status(): Promise<unknown> {
    return this.#get('status');
  }

  /** Removes all keys of the run. */
  async forget(): Promise<void> {
    for (const key of ['terms', 'state', 'status'])
      await this.#link.persist(() => this.#values.purge(this.#key(key)));
  }

  #key(name: string): string {
    return `${runNames(this.#runId).keyPrefix}${name}`;
  }

  async #put(name: string, value: object): Promise<void> {
    await this.#link.persist(() => this.#values.put(this.#key(name), JSON.stringify(value)));
  }

  async #get(name: string): Promise<unknown> {
    const entry = await this.#link.persist(() => this.#values.get(this.#key(name)));
    return entry === null || entry.operation !== 'PUT' ? null : entry.json();
  }
}

const boardError = { code: 'bad-run-board', name: 'record of the run', openFields: [] };

function termsDiffer(runId: string, terms: RunTerms, found: RunTerms): PlimsollError {
  return new PlimsollError({
    code: 'run-terms-differ',
    message: `run ${runId} has a quantum of ${found.quantum}, this controller has ${terms.quantum}`,
    value: terms.quantum,
    limit: found.quantum,
    hint: 'resume with the batch, accumulation and trainers of the run, or choose another run id',
  });
}
