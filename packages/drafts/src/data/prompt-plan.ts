/**
 * The prompts of a run in their order of training: a permutation of the lines per epoch, drawn from one seed. Data, seed and
 * options alone decide the plan, so colocated, offline and disaggregated runs train the same samples in the same order. The
 * plan reads one line at a time.
 */
import type { PromptTask } from '@plimsoll/dataflow';
import { PlimsollError } from '@plimsoll/foundation';
import { type EncodedPrompt, type EncodingOptions, encodeRecord, type SkipReason } from './encoded-prompt.ts';
import { LineFile } from './line-file.ts';
import { shuffledOrder } from './shuffled-order.ts';
import { parseTrainingRecord } from './training-record.ts';

export interface PromptPlanOptions extends EncodingOptions {
  readonly path: string;
  readonly seed: number;
  readonly epochs: number;
  /** Prompts of every epoch, drawn by the seed; null for all lines. */
  readonly promptsMax: number | null;
  /** `refuse` stops at the first line with a fault. `skip` counts such lines, and keeps the first fault. */
  readonly faults: 'refuse' | 'skip';
}

/** What becomes part of every task of the plan. */
export type TaskFields = Pick<PromptTask, 'runId' | 'target' | 'tokenizerVersion'>;

/** The tasks of a run: all prompts, or those that a division into trained and held-out prompts gives. */
export interface PlanPart {
  /** The first prompts of the plan, which no epoch trains. */
  readonly heldOutCount: number;
  readonly part: 'trained' | 'held-out';
}

export interface PlanCounts {
  readonly prompts: number;
  readonly tokens: number;
  /** Tokens that the loss counts. */
  readonly lossTokens: number;
  /** Tokens that the cut at `tokensMax` has removed. */
  readonly cutTokens: number;
  /** Turns that were out of order or had no answer. */
  readonly droppedTurns: number;
  /** Reason -> lines; `faulty` lines were not readable or not trainable. */
  readonly skipped: Readonly<Record<SkipReason | 'faulty', number>>;
  readonly firstFault: PlimsollError | null;
}

/** A prompt with its place in the data. */
export interface PlannedPrompt extends EncodedPrompt {
  readonly epoch: number;
  readonly line: number;
  readonly recordId: string | null;
}

export class PromptPlan {
  readonly #options: PromptPlanOptions;
  readonly #lines: LineFile;
  #counts: Mutable<PlanCounts> = noCounts();

  private constructor(options: PromptPlanOptions, lines: LineFile) {
    this.#options = options;
    this.#lines = lines;
  }

  /** Throws `data-file-unreadable` or `data-line-too-long`. */
  static async open(options: PromptPlanOptions): Promise<PromptPlan> {
    return new PromptPlan(options, await LineFile.open(options.path));
  }

  /** SHA-256 of the data file, in hexadecimal. */
  get dataSha256(): string {
    return this.#lines.sha256;
  }

  get lineCount(): number {
    return this.#lines.lineCount;
  }

  /** Counts of the prompts that the last walk has yielded so far. */
  get counts(): PlanCounts {
    return this.#counts;
  }

  /** Walks the plan from its start. Throws at the first faulty line if `faults` is `refuse`, and `no-prompts` at the end. */
  async *prompts(): AsyncGenerator<PlannedPrompt, void, void> {
    const { seed, epochs, promptsMax } = this.#options;
    this.#counts = noCounts();
    const drawn = new Set<number>();
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (const index of shuffledOrder(this.#lines.lineCount, seed + epoch)) {
        if (epoch === 0 && drawn.size === promptsMax) break;
        if (epoch > 0 && !drawn.has(index)) continue;
        const prompt = await this.#encode(index, epoch);
        if (prompt === null) continue;
        drawn.add(index);
        yield prompt;
      }
    }
    if (this.#counts.prompts === 0) throw noPrompts(this.#options.path, this.#counts);
  }

  /** The plan, or a part of it, as tasks of a run. A task keeps its id for other seeds and limits. */
  async *tasks(
    fields: TaskFields,
    { heldOutCount, part }: PlanPart = { heldOutCount: 0, part: 'trained' },
  ): AsyncGenerator<PromptTask, void, void> {
    let planIndex = 0;
    const heldOut = new Set<number>();
    for await (const { inputIds, lossMask, epoch, line, recordId } of this.prompts()) {
      if (epoch === 0 && heldOut.size < heldOutCount) heldOut.add(line);
      if (part === 'held-out' && !(epoch === 0 && heldOut.has(line))) return;
      if (part === 'trained' && heldOut.has(line)) continue;
      yield {
        ...fields,
        ...{ inputIds, lossMask, planIndex },
        taskId: `e${epoch}-l${line}`,
        sourceId: recordId ?? `line ${line}`,
        tokensMax: this.#options.tokensMax,
        chatTemplate: this.#options.chat?.renderer.name ?? null,
        metadata: {},
      };
      planIndex++;
    }
  }

  async close(): Promise<void> {
    await this.#lines.close();
  }

  async #encode(index: number, epoch: number): Promise<PlannedPrompt | null> {
    const place = { file: this.#options.path, line: this.#lines.lineNumber(index) };
    const counts = this.#counts;
    try {
      const record = parseTrainingRecord(await this.#lines.read(index), place);
      const encoding = await encodeRecord(record, place, this.#options);
      if (encoding.kind === 'skipped') {
        counts.skipped[encoding.reason]++;
        return null;
      }
      counts.prompts++;
      counts.tokens += encoding.inputIds.length;
      counts.lossTokens += encoding.lossMask.reduce((sum, value) => sum + value, 0);
      counts.cutTokens += encoding.cutTokens;
      counts.droppedTurns += encoding.droppedTurns;
      return { ...encoding, epoch, line: place.line, recordId: record.id };
    } catch (error) {
      if (!(error instanceof PlimsollError) || this.#options.faults === 'refuse') throw error;
      counts.skipped.faulty++;
      counts.firstFault ??= error;
      return null;
    }
  }
}

type Mutable<Value> = {
  -readonly [Key in keyof Value]: Value[Key] extends Readonly<Record<string, number>>
    ? Record<keyof Value[Key], number>
    : Value[Key];
};

function noCounts(): Mutable<PlanCounts> {
  return {
    prompts: 0,
    tokens: 0,
    lossTokens: 0,
    cutTokens: 0,
    droppedTurns: 0,
    skipped: { 'no-answer': 0, 'answer-cut-off': 0, 'too-short': 0, 'not-aligned': 0, faulty: 0 },
    firstFault: null,
  };
}

function noPrompts(path: string, { skipped, firstFault }: PlanCounts): PlimsollError {
  const reasons = Object.entries(skipped)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`);
  const fault = firstFault === null ? '' : `; the first fault: ${firstFault.message}`;
  return new PlimsollError({
    code: 'no-prompts',
    message: `${path} has no line that can be trained (${reasons.join(', ') || 'no lines'})${fault}`,
    value: reasons.join(', ') || 'no lines',
    limit: 'at least one conversation with an answer',
    hint: firstFault?.hint ?? 'check the data, and the limits on tokens',
  });
}
