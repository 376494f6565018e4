/**
 * A ledger in one SQLite file. `synchronous = FULL` syncs the write-ahead log at the end of every transaction, so that a
 * change that has returned survives a crash of the machine.
 */
import { DatabaseSync } from 'node:sqlite';
import { defined, PlimsollError } from '@plimsoll/foundation';
import { parseSampleRef } from '../contracts/sample-ref.ts';
import {
  type FailedPrompt,
  type Ledger,
  type LedgerContent,
  type LedgerSample,
  type PlannedRef,
  type SampleChange,
  type SampleState,
  sampleChanges,
  sampleKnown,
  wrongState,
} from './ledger.ts';

/** Number in SQLite's user_version; a file of another version is refused. */
const formatVersion = 1;

const schema = `
  CREATE TABLE IF NOT EXISTS samples (
    sample_id TEXT PRIMARY KEY,
    plan_index INTEGER NOT NULL,
    ref TEXT NOT NULL,
    state TEXT NOT NULL,
    step INTEGER
  ) STRICT;
  CREATE TABLE IF NOT EXISTS failures (
    task_id TEXT PRIMARY KEY,
    plan_index INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL
  ) STRICT;
`;

export class SqliteLedger implements Ledger {
  readonly #database: DatabaseSync;

  /** Opens or makes the file. Throws `ledger-unreadable` or `ledger-version`. */
  constructor(path: string) {
    this.#database = openDatabase(path);
  }

  commit(refs: readonly PlannedRef[]): void {
    const insert = this.#database.prepare(
      "INSERT OR IGNORE INTO samples (sample_id, plan_index, ref, state) VALUES (?, ?, ?, 'committed')",
    );
    this.#transaction(() => {
      for (const { planIndex, ref } of refs) {
        const { changes } = insert.run(ref.sampleId, planIndex, JSON.stringify(ref));
        if (Number(changes) === 0) throw sampleKnown(ref.sampleId);
      }
    });
  }

  train(sampleIds: readonly string[], step: number): void {
    this.#change('train', sampleIds, 'step = :step', { step });
  }

  drop(sampleIds: readonly string[]): void {
    this.#change('drop', sampleIds, 'step = NULL');
  }

  free(sampleIds: readonly string[]): void {
    this.#change('free', sampleIds, 'step = step');
  }

  requeue(sampleIds: readonly string[]): void {
    this.#change('requeue', sampleIds, 'step = NULL');
  }

  discard(sampleIds: readonly string[]): void {
    this.#change('discard', sampleIds, '');
  }

  fail({ taskId, planIndex, attempts, reason }: FailedPrompt): void {
    this.#database
      .prepare('INSERT OR REPLACE INTO failures (task_id, plan_index, attempts, reason) VALUES (?, ?, ?, ?)')
      .run(taskId, planIndex, attempts, reason);
  }

  read(): LedgerContent {
    const samples = this.#database.prepare('SELECT * FROM samples ORDER BY plan_index').all();
    const failures = this.#database.prepare('SELECT * FROM failures ORDER BY plan_index').all();
    return {
      samples: samples.map(
        (row): LedgerSample => ({
          planIndex: Number(row.plan_index),
          ref: parseSampleRef(JSON.parse(String(row.ref))),
          state: stateOf(row.state),
          step: row.step === null ? null : Number(row.step),
        }),
      ),
      failures: failures.map((row) => ({
        taskId: String(row.task_id),
        planIndex: Number(row.plan_index),
        attempts: Number(row.attempts),
        reason: String(row.reason),
      })),
    };
  }

  close(): void {
    this.#database.close();
  }

  #change(
    change: SampleChange,
    sampleIds: readonly string[],
    assignment: string,
    values: Readonly<Record<string, number>> = {},
  ): void {
    const { from, to } = sampleChanges[change];
    const states = from.map((state) => `'${state}'`).join(', ');
    const where = `WHERE sample_id = :id AND state IN (${states})`;
    const statement = this.#database.prepare(
      to === null
        ? `DELETE FROM samples ${where}`
        : `UPDATE samples SET state = '${to}', ${assignment} ${where}`,
    );
    this.#transaction(() => {
      for (const id of sampleIds) {
        const { changes } = statement.run({ ...values, id });
        if (Number(changes) === 0) throw wrongState(change, id, this.#stateOf(id));
      }
    });
  }

  #stateOf(sampleId: string): SampleState | null {
    const row = this.#database.prepare('SELECT state FROM samples WHERE sample_id = ?').get(sampleId);
    return row === undefined ? null : stateOf(row.state);
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}

const states: readonly SampleState[] = ['committed', 'trained', 'dropped', 'freed'];

function stateOf(value: unknown): SampleState {
  return defined(
    states.find((state) => state === value),
    `the ledger has no state ${String(value)}`,
  );
}

function openDatabase(path: string): DatabaseSync {
  let database: DatabaseSync | null = null;
  try {
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    const version = Number(database.prepare('PRAGMA user_version').get()?.user_version);
    if (version !== 0 && version !== formatVersion) throw wrongVersion(path, version);
    database.exec(`BEGIN IMMEDIATE; ${schema} PRAGMA user_version = ${formatVersion}; COMMIT;`);
    return database;
  } catch (cause) {
    database?.close();
    if (cause instanceof PlimsollError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new PlimsollError(
      {
        code: 'ledger-unreadable',
        message: `the ledger ${path} cannot be opened (${reason})`,
        value: path,
        limit: 'a SQLite file that this program has made, in a folder that can be written',
        hint: 'check the path, or name a new file to start the run from the beginning',
      },
      { cause },
    );
  }
}

function wrongVersion(path: string, version: number): PlimsollError {
  return new PlimsollError({
    code: 'ledger-version',
    message: `the ledger ${path} has format ${version}`,
    value: version,
    limit: formatVersion,
    hint: 'continue the run with the version that started it, or name a new file',
  });
}
