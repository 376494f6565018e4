/**
 * Combines the facts of one engine's lines in a log: the last start counts, and within it the last line about each
 * figure.
 */
import type { LogError, LogFact, PrintedFigure } from '../engines/contract/log-line.ts';
import type { EngineName } from '../engines/engine-list.ts';
import type { CommandReading } from '../engines/paste/read-command.ts';

export interface FoundError extends LogError {
  /** 1-based. */
  readonly line: number;
}

export class EngineLog {
  readonly engine: EngineName;
  #marks = 0;
  #model: string | null = null;
  #release: string | null = null;
  #deviceBytes: number | null = null;
  #freeBytes: number | null = null;
  #deviceVendor: string | null = null;
  #error: FoundError | null = null;
  #command: CommandReading | null = null;
  readonly #given = new Map<string, string>();
  readonly #settled = new Map<string, string>();
  readonly #devices = new Map<number, string>();
  readonly #figures = new Map<string, Map<string, PrintedFigure>>();

  constructor(engine: EngineName) {
    this.engine = engine;
  }

  /** Counts a line that only this engine prints. */
  mark(): void {
    this.#marks++;
  }

  add(fact: LogFact, line: number): void {
    if (fact.isStart === true) {
      this.#figures.clear();
      this.#error = null;
    }
    this.#model = fact.model ?? this.#model;
    this.#release = fact.release ?? this.#release;
    this.#deviceBytes = fact.deviceBytes ?? this.#deviceBytes;
    this.#freeBytes = fact.freeBytes ?? this.#freeBytes;
    this.#deviceVendor = fact.deviceVendor ?? this.#deviceVendor;
    for (const [name, value] of fact.given ?? []) this.#given.set(name, value);
    for (const [name, value] of fact.settled ?? []) this.#settled.set(name, value);
    if (fact.device !== undefined) this.#devices.set(fact.device.index, fact.device.name);
    for (const figure of fact.figures ?? []) {
      const parts = this.#figures.get(figure.figure) ?? new Map<string, PrintedFigure>();
      const known = figure.addsUp === true ? (parts.get(figure.part ?? '')?.printed ?? 0) : 0;
      parts.set(figure.part ?? '', { ...figure, printed: known + figure.printed });
      this.#figures.set(figure.figure, parts);
    }
    if (fact.error !== undefined) this.#addError({ ...fact.error, line });
  }

  /** Keeps the command that started the engine: what the engine prints itself wins. */
  addCommand(command: CommandReading): void {
    if (command.model !== null) this.#command = command;
  }

  /** Keeps the first line of an error. A cause replaces a consequence, or an earlier cause with another code. */
  #addError(error: FoundError): void {
    const known = this.#error;
    const isCause = error.isConsequence !== true;
    if (known === null || (known.isConsequence === true && isCause)) this.#error = error;
    else if (isCause && known.code !== error.code) this.#error = error;
  }

  get isMarked(): boolean {
    return this.#marks > 0;
  }

  /**
   * Score of the facts that were found, which distinguishes the engine of a log from an engine that the log only
   * mentions.
   */
  get understood(): number {
    const facts = this.#figures.size + this.#given.size + (this.#model === null ? 0 : 4);
    return facts + (this.#error === null ? 0 : 4) + Math.min(this.#marks, 4);
  }

  get model(): string | null {
    return this.#model ?? this.#command?.model ?? null;
  }

  /** Model of the command in the log; null if it has none. */
  get commandModel(): string | null {
    return this.#command?.model ?? null;
  }

  get release(): string | null {
    return this.#release ?? this.#command?.release ?? null;
  }

  get deviceBytes(): number | null {
    return this.#deviceBytes;
  }

  get freeBytes(): number | null {
    return this.#freeBytes;
  }

  get deviceVendor(): string | null {
    return this.#deviceVendor;
  }

  /** True if a line of the engine stated a fact. A text about the engine, or its command alone, states none. */
  get hasFacts(): boolean {
    const stated = [this.#model, this.#release, this.#deviceBytes, this.#freeBytes, this.#error];
    const lists = [this.#figures, this.#given, this.#settled, this.#devices];
    return stated.some((fact) => fact !== null) || lists.some(({ size }) => size > 0);
  }

  get error(): FoundError | null {
    return this.#error;
  }

  /** Values by flag: the arguments of the command, and the engine's own settings for the other flags. */
  get flags(): ReadonlyMap<string, string> {
    return new Map([...this.#settled, ...this.#given]);
  }

  /** Flags of `plimsoll plan` that the command in the log stands for; empty if the log has no command. */
  get commandFlags(): ReadonlyMap<string, string | null> {
    return this.#command?.flags ?? new Map<string, string | null>();
  }

  /** Names of the devices in the order of their numbers. */
  get devices(): readonly string[] {
    return [...this.#devices].sort(([a], [b]) => a - b).map(([, name]) => name);
  }

  /** One figure of each kind, from the fullest device. */
  get figures(): readonly PrintedFigure[] {
    return [...this.#figures.values()].flatMap((parts) => {
      const [first, ...others] = parts.values();
      if (first === undefined) return [];
      return [others.reduce((fullest, part) => (part.printed > fullest.printed ? part : fullest), first)];
    });
  }
}
