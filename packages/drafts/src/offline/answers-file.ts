/**
 * Writes a data set with the target's own answers, one line per conversation, and continues a file that an earlier run has
 * begun. Each line names its source line and how it was generated.
 */
import { type FileHandle, open, readFile, truncate } from 'node:fs/promises';
import { PlimsollError } from '@plimsoll/foundation';
import { LineFile } from '../data/line-file.ts';
import { shuffledOrder } from '../data/shuffled-order.ts';
import { parseTrainingRecord, type TrainingRecord } from '../data/training-record.ts';
import { type Regenerated, type Regeneration, regenerateAnswers } from './regenerated-answers.ts';

export interface AnswersFile {
  readonly input: string;
  readonly output: string;
  readonly regeneration: Regeneration;
  /** Null: all lines. */
  readonly promptsMax: number | null;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AnswersReport) => void;
}

export interface AnswersReport {
  /** Lines that were looked at, and lines to look at. */
  readonly lines: number;
  readonly linesMax: number;
  /** Conversations in the file, of this and of earlier runs. */
  readonly conversations: number;
  /** Conversations whose last answer the limit of tokens has cut off. */
  readonly cut: number;
  readonly skipped: number;
}

interface FileLine {
  readonly line: number;
  readonly isCut: boolean;
}

/** Throws errors of the data with their line, of the target, and `answers-of-other-settings`. */
export async function writeAnswers(job: AnswersFile): Promise<AnswersReport> {
  const lines = await LineFile.open(job.input);
  const generation = generationOf(job.regeneration);
  const earlier = await readAnswers(job.output, JSON.stringify(generation));
  const output = await open(job.output, 'a');
  try {
    return await answerLines(job, { lines, generation, earlier, output });
  } finally {
    await output.close();
    await lines.close();
  }
}

interface Work {
  readonly lines: LineFile;
  readonly generation: object;
  readonly earlier: ReadonlyMap<number, FileLine>;
  readonly output: FileHandle;
}

async function answerLines(
  job: AnswersFile,
  { lines, generation, earlier, output }: Work,
): Promise<AnswersReport> {
  const { regeneration, promptsMax, signal } = job;
  const order = shuffledOrder(lines.lineCount, regeneration.seed).slice(0, promptsMax ?? lines.lineCount);
  const linesMax = order.length;
  const counts = { lines: 0, conversations: 0, cut: 0, skipped: 0 };
  // Batches keep the order of the file, whatever order the target finishes in.
  for (let start = 0; start < linesMax; start += regeneration.engine.promptsMax) {
    const batch = await Promise.all(
      Array.from(order.subarray(start, start + regeneration.engine.promptsMax), async (index) => {
        const line = lines.lineNumber(index);
        const known = earlier.get(line);
        if (known !== undefined) return { line, known };
        const record = parseTrainingRecord(await lines.read(index), { file: job.input, line });
        return { line, record, result: await regenerated(record, { file: job.input, line }, job) };
      }),
    );
    signal?.throwIfAborted();
    for (const { line, known, record, result } of batch) {
      counts.lines++;
      const isCut = known?.isCut ?? (result?.kind === 'regenerated' && result.isCut);
      if (known === undefined && result?.kind !== 'regenerated') {
        counts.skipped++;
        continue;
      }
      counts.conversations++;
      if (isCut) counts.cut++;
      if (result?.kind !== 'regenerated') continue;
      const id = record?.id ?? `line ${line}`;
      await output.appendFile(
        `${JSON.stringify({ id, source_line: line, is_cut: isCut, generation, conversations: result.turns })}\n`,
      );
    }
    job.onProgress?.({ ...counts, linesMax });
  }
  return { ...counts, linesMax };
}

async function regenerated(
  record: TrainingRecord,
  { file, line }: { readonly file: string; readonly line: number },
  { regeneration, signal }: AnswersFile,
): Promise<Regenerated> {
  if (record.kind === 'conversation') return regenerateAnswers(record.turns, regeneration, signal);
  throw new PlimsollError({
    code: 'cannot-regenerate',
    message: `${file}, line ${line}: the questions of a record of ${record.kind} are unknown, so the target cannot answer them`,
    value: record.kind,
    limit: 'conversations',
    hint: 'keep the answers of the data (--answers data), if the target has written them',
  });
}

function generationOf({ engine, temperature, seed, answerTokensMax, tokensMax }: Regeneration): object {
  return { target: engine.identity, temperature, seed, answerTokensMax, tokensMax };
}

/** Reads the lines of an earlier run, and cuts off a line that a crash has left unfinished. */
async function readAnswers(path: string, generation: string): Promise<ReadonlyMap<number, FileLine>> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const whole = text.slice(0, text.lastIndexOf('\n') + 1);
  if (whole.length < text.length) await truncate(path, Buffer.byteLength(whole));
  const found = new Map<number, FileLine>();
  for (const json of whole.split('\n').filter((line) => line !== '')) {
    const value: unknown = JSON.parse(json);
    const { source_line: line, is_cut: isCut, generation: own } = value as Record<string, unknown>;
    if (JSON.stringify(own) !== generation) throw otherSettings(path, JSON.stringify(own), generation);
    found.set(Number(line), { line: Number(line), isCut: isCut === true });
  }
  return found;
}

function otherSettings(path: string, found: string, asked: string): PlimsollError {
  return new PlimsollError({
    code: 'answers-of-other-settings',
    message: `${path} has answers of ${found}; this run asks for ${asked}`,
    value: asked,
    limit: found,
    hint: 'name another folder, or repeat the settings of the earlier run',
  });
}
