/**
 * The loss of one or more draft heads against the target's distribution, fused. Logits of the target exist for one chunk
 * of positions at a time; they become the teacher's rows, against which every draft step that predicts these positions
 * is compared before the next chunk. Draft step k reads the teacher k positions ahead (test-time training of EAGLE3).
 */
import { assert } from '@plimsoll/foundation';
import type { StepMemory, Tape } from '../tape/tape.ts';
import { rowsOf, type Tensor } from '../tape/tensor.ts';
import {
  addHeadGradients,
  computeLogits,
  gradientTargets,
  headChunkRows,
  reserveHeadProducts,
} from './label-head-loss.ts';
import { acceptanceOf, applyTeacherLoss, type TeacherLoss } from './row-losses.ts';
import { dotOf, largestIn, logSumOf } from './row-sums.ts';

/** The part of the target's vocabulary that a draft predicts. */
export interface DraftVocabulary {
  /** Target id of each draft id. */
  readonly draftToTarget: Int32Array;
  /** 1 for each target id that the draft predicts. */
  readonly isDrafted: Uint8Array;
}

export interface TeacherLossInputs {
  /** Hidden state of each draft step, normalised: [sequences x length, width] each. */
  readonly steps: readonly Tensor[];
  /** [draft vocabulary, width] */
  readonly head: Tensor;
  /** The target's last hidden state, [sequences x length, target width], and its head. */
  readonly teacherHidden: Tensor;
  readonly teacherHead: Tensor;
  readonly vocabulary: DraftVocabulary;
  readonly sequences: number;
  /** 1 where a position is supervised, filled before a run. */
  readonly mask: Uint8Array;
  readonly loss: TeacherLoss;
  /** Factor of the loss of each step. */
  readonly stepWeights: readonly number[];
  /** Factor of every position's loss, set before a run: one over the positions of the whole optimizer window. */
  readonly scale: { readonly value: number };
}

/** Sums of the last run, for each draft step. */
export interface StepSums {
  /** Loss of supervised positions whose teacher is in the draft's vocabulary, before division and weight. */
  loss: number;
  /** Supervised positions, those whose teacher the draft can say, and those where the draft's choice is the teacher's. */
  supervised: number;
  covered: number;
  correct: number;
  /** Expected acceptance, summed over covered positions. */
  acceptance: number;
}

interface Fused extends TeacherLossInputs {
  readonly length: number;
  readonly teacherLogits: Tensor;
  readonly teacher: Tensor;
  readonly logits: Tensor;
  readonly sums: StepSums[];
  readonly targets: readonly ReturnType<typeof gradientTargets>[];
}

function emptySums(): StepSums {
  return { loss: 0, supervised: 0, covered: 0, correct: 0, acceptance: 0 };
}

export function teacherHeadLoss(tape: Tape, name: string, inputs: TeacherLossInputs): readonly StepSums[] {
  const { steps, head, teacherHidden, teacherHead, vocabulary, sequences, mask } = inputs;
  const positions = teacherHidden.rows;
  assert(mask.length === positions, `${name}: a mask for every position`);
  assert(vocabulary.draftToTarget.length === head.rows, `${name}: the head has the draft's vocabulary`);
  assert(vocabulary.isDrafted.length === teacherHead.rows, `${name}: the map has the target's vocabulary`);
  const length = positions / sequences;
  const rowsMax = Math.min(headChunkRows, length);
  const teacherLogits = tape.workspace(`${name} teacher logits`, rowsMax, teacherHead.rows);
  const teacher = tape.workspace(`${name} teacher`, rowsMax, head.rows);
  const logits = tape.workspace(`${name} logits`, rowsMax, head.rows);
  const targets = steps.map((hidden) => gradientTargets(tape, { hidden, head }));
  const sums = steps.map(emptySums);
  const places = { teacherLogits, teacher, logits, length, sums, targets };
  const fused: Fused = { ...inputs, ...places };
  reserveHeadProducts(tape, logits, head);
  reserveHeadProducts(tape, teacherLogits, teacherHead);
  const used = [...steps, head, teacherHidden, teacherHead, teacherLogits, teacher, logits];
  used.push(...targets.flatMap(({ all }) => all));
  for (let sequence = 0; sequence < sequences; sequence++) {
    for (let first = 0; first < length; first += headChunkRows) {
      const chunk = { sequence, first, rows: Math.min(headChunkRows, length - first) };
      tape.emit(`${name} of ${sequence} from ${first} on`, used, (memory) => {
        if (sequence === 0 && first === 0) for (const sum of sums) Object.assign(sum, emptySums());
        computeChunk(memory, fused, chunk);
      });
    }
  }
  return sums;
}

/** Teacher positions [first, first + rows) of a sequence. */
interface Chunk {
  readonly sequence: number;
  readonly first: number;
  readonly rows: number;
}

/** What is known about the teacher of one position besides its distribution. */
interface TeacherFacts {
  /** Share of the target's probability that the draft's vocabulary holds. */
  readonly coverage: number;
  /** The target's first choice, among all its tokens. */
  readonly choice: number;
  readonly isCovered: boolean;
}

function computeChunk(memory: StepMemory, fused: Fused, chunk: Chunk): void {
  const { teacherHidden, teacherHead, teacherLogits, length, steps } = fused;
  const start = chunk.sequence * length + chunk.first;
  const facts = computeTeacher(memory, fused, {
    hidden: rowsOf(teacherHidden, start, chunk.rows),
    head: teacherHead,
    logits: rowsOf(teacherLogits, 0, chunk.rows),
  });
  for (const step of steps.keys()) {
    // Draft row i of step k has teacher position i + k; the first k positions of a sequence have no row.
    const skipped = Math.max(0, step - chunk.first);
    if (skipped < chunk.rows) compareStep(memory, fused, { ...chunk, step, skipped, facts });
  }
}

/** Fills the teacher's rows: the target's distribution over the draft's vocabulary. */
function computeTeacher(
  memory: StepMemory,
  { teacher, vocabulary }: Fused,
  chunk: Parameters<typeof computeLogits>[1],
): readonly TeacherFacts[] {
  computeLogits(memory, chunk);
  const { elements } = memory;
  const { draftToTarget, isDrafted } = vocabulary;
  const facts: TeacherFacts[] = [];
  for (let row = 0; row < chunk.logits.rows; row++) {
    const [from, count] = [memory.at(chunk.logits) + row * chunk.logits.columns, chunk.logits.columns];
    const to = memory.at(teacher) + row * teacher.columns;
    const largest = largestIn(elements, from, count);
    const logSum = logSumOf(elements, from, count, largest.value);
    for (const [draftId, targetId] of draftToTarget.entries())
      elements[to + draftId] = elements[from + targetId] ?? 0;
    const draftSum = logSumOf(elements, to, draftToTarget.length, largest.value);
    const isCovered = isDrafted[largest.index] === 1;
    facts.push({ coverage: Math.exp(draftSum - logSum), choice: largest.index, isCovered });
  }
  memory.softmaxRows(memory.at(teacher), chunk.logits.rows, teacher.columns);
  return facts;
}

interface StepChunk extends Chunk {
  readonly step: number;
  readonly skipped: number;
  readonly facts: readonly TeacherFacts[];
}

function compareStep(memory: StepMemory, fused: Fused, chunk: StepChunk): void {
  const { steps, head, length, logits, targets } = fused;
  const { sequence, first, step, skipped } = chunk;
  const rows = chunk.rows - skipped;
  const firstRow = sequence * length + first + skipped - step;
  const hidden = steps[step];
  assert(hidden !== undefined, 'the step exists');
  const place = { hidden: rowsOf(hidden, firstRow, rows), head, logits: rowsOf(logits, 0, rows) };
  computeLogits(memory, place);
  const at = memory.at(logits);
  const before = Array.from({ length: rows }, (_, row) => beforeSoftmax(memory, fused, { row, at, skipped }));
  memory.softmaxRows(at, rows, head.rows);
  for (const [row, sums] of before.entries()) compareRow(memory, fused, { chunk, row, at, sums });
  const own = targets[step];
  if (own !== undefined) addHeadGradients(memory, place, own.rows(firstRow, rows));
}

interface BeforeSoftmax {
  readonly dot: number;
  readonly choice: number;
  readonly largest: number;
}

function beforeSoftmax(
  memory: StepMemory,
  { teacher, head }: Fused,
  { row, at, skipped }: { row: number; at: number; skipped: number },
): BeforeSoftmax {
  const { elements } = memory;
  const start = at + row * head.rows;
  const largest = largestIn(elements, start, head.rows);
  const teacherAt = memory.at(teacher) + (row + skipped) * teacher.columns;
  const dot = dotOf({ elements, at: start }, { elements, at: teacherAt }, head.rows);
  return { dot, choice: largest.index, largest: largest.value };
}

function compareRow(
  memory: StepMemory,
  fused: Fused,
  { chunk, row, at, sums }: { chunk: StepChunk; row: number; at: number; sums: BeforeSoftmax },
): void {
  const { elements } = memory;
  const { head, teacher, vocabulary, mask, length, stepWeights, scale } = fused;
  const position = row + chunk.skipped;
  const facts = chunk.facts[position];
  const total = fused.sums[chunk.step];
  assert(facts !== undefined && total !== undefined, 'every row has a teacher');
  const isSupervised = mask[chunk.sequence * length + chunk.first + position] === 1;
  const isCovered = isSupervised && facts.isCovered;
  const weight = isCovered ? (stepWeights[chunk.step] ?? 0) * scale.value : 0;
  const draft = { elements, at: at + row * head.rows, count: head.rows, weight };
  const teacherRow = {
    ...{ elements, coverage: facts.coverage },
    at: memory.at(teacher) + position * teacher.columns,
  };
  const acceptance = acceptanceOf(draft, teacherRow);
  const logSum = sums.largest - Math.log(elements[draft.at + sums.choice] ?? 1);
  const crossEntropy = logSum - sums.dot;
  const loss = applyTeacherLoss(fused.loss, draft, teacherRow, { crossEntropy, acceptance });
  if (!isSupervised) return;
  total.supervised++;
  total.correct += Number(vocabulary.draftToTarget[sums.choice] === facts.choice);
  if (!isCovered) return;
  total.covered++;
  total.loss += loss;
  total.acceptance += acceptance;
}
