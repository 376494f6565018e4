/**
 * Losses of one row of a head's output, and their gradients with respect to the logits. A row function reads the
 * probabilities q (softmax of the logits) and replaces them by the gradient times `weight`. p is the teacher's
 * distribution over the same vocabulary; its true probabilities are p x `coverage` if the draft's vocabulary holds only
 * this share of the teacher's mass.
 */
import type { Floats } from '../tape/tensor.ts';

/** A row of the draft's probabilities, which becomes the gradient. */
export interface DraftRow {
  readonly elements: Floats;
  readonly at: number;
  readonly count: number;
  /** Factor of the gradient; 0 for a position without supervision. */
  readonly weight: number;
}

export interface TeacherRow {
  readonly elements: Floats;
  readonly at: number;
  readonly coverage: number;
}

/** How a draft is compared with its teacher: KL is cross entropy with the teacher's distribution, up to a constant. */
export type TeacherLoss =
  | { readonly kind: 'kl' }
  /** -log of the expected acceptance. */
  | { readonly kind: 'lk-alpha' }
  /** w KL + (1 - w)(1 - acceptance) with w = scale x e^(-decay x acceptance), w taken as a constant. */
  | { readonly kind: 'lk-lambda'; readonly scale: number; readonly decay: number }
  /** sum |p x coverage - q|, of DSpark. */
  | { readonly kind: 'l1' };

/** sum over v of min(p coverage, q): the probability that the target accepts the draft's token. */
export function acceptanceOf({ elements, at, count }: DraftRow, teacher: TeacherRow): number {
  let sum = 0;
  for (let i = 0; i < count; i++)
    sum += Math.min(teacher.coverage * (teacher.elements[teacher.at + i] ?? 0), elements[at + i] ?? 0);
  return sum;
}

/** What a loss needs from the logits before the softmax replaced them. */
export interface RowSums {
  /** sum p log q */
  readonly crossEntropy: number;
  readonly acceptance: number;
}

/** Returns the loss of the row, and replaces q by the gradient. */
export function applyTeacherLoss(
  loss: TeacherLoss,
  draft: DraftRow,
  teacher: TeacherRow,
  sums: RowSums,
): number {
  const { crossEntropy, acceptance } = sums;
  switch (loss.kind) {
    case 'kl':
      crossEntropyGradient(draft, teacher, draft.weight);
      return crossEntropy;
    case 'lk-alpha': {
      if (acceptance <= 0) {
        draft.elements.fill(0, draft.at, draft.at + draft.count);
        return 0;
      }
      blendedGradient(draft, teacher, { entropy: 0, accepted: -draft.weight / acceptance });
      return -Math.log(acceptance);
    }
    case 'lk-lambda': {
      const share = loss.scale * Math.exp(-loss.decay * acceptance);
      const accepted = -draft.weight * (1 - share);
      blendedGradient(draft, teacher, { entropy: draft.weight * share, accepted });
      return share * crossEntropy + (1 - share) * (1 - acceptance);
    }
    case 'l1':
      return distanceGradient(draft, teacher);
  }
}

/** d(-sum p log q) = q sum(p) - p */
function crossEntropyGradient({ elements, at, count }: DraftRow, teacher: TeacherRow, factor: number): void {
  let mass = 0;
  for (let i = 0; i < count; i++) mass += teacher.elements[teacher.at + i] ?? 0;
  for (let i = 0; i < count; i++)
    elements[at + i] = factor * ((elements[at + i] ?? 0) * mass - (teacher.elements[teacher.at + i] ?? 0));
}

/**
 * entropy x d(cross entropy) + accepted x d(acceptance). The acceptance grows with q where q is below the teacher:
 * d/dlogit_j = q_j ([q_j < t_j] - sum over such v of q_v).
 */
function blendedGradient(
  { elements, at, count }: DraftRow,
  teacher: TeacherRow,
  factors: { readonly entropy: number; readonly accepted: number },
): void {
  const { entropy, accepted } = factors;
  let below = 0;
  let mass = 0;
  for (let i = 0; i < count; i++) {
    const [q, p] = [elements[at + i] ?? 0, teacher.elements[teacher.at + i] ?? 0];
    mass += p;
    if (q < p * teacher.coverage) below += q;
  }
  for (let i = 0; i < count; i++) {
    const [q, p] = [elements[at + i] ?? 0, teacher.elements[teacher.at + i] ?? 0];
    const rises = q < p * teacher.coverage ? 1 : 0;
    elements[at + i] = entropy * (q * mass - p) + accepted * q * (rises - below);
  }
}

/** d/dlogit_j of sum |t - q| = q_j (s_j - sum q s) with s = sign(q - t). Returns the sum. */
function distanceGradient({ elements, at, count, weight }: DraftRow, teacher: TeacherRow): number {
  let distance = 0;
  let mean = 0;
  for (let i = 0; i < count; i++) {
    const q = elements[at + i] ?? 0;
    const difference = q - teacher.coverage * (teacher.elements[teacher.at + i] ?? 0);
    distance += Math.abs(difference);
    mean += q * Math.sign(difference);
  }
  for (let i = 0; i < count; i++) {
    const q = elements[at + i] ?? 0;
    const sign = Math.sign(q - teacher.coverage * (teacher.elements[teacher.at + i] ?? 0));
    elements[at + i] = weight * q * (sign - mean);
  }
  return distance;
}

/** Cross entropy with one label: replaces q by weight x (q - [label]). The loss is -log q[label]. */
export function applyLabelLoss({ elements, at, count, weight }: DraftRow, label: number): void {
  for (let i = 0; i < count; i++) elements[at + i] = weight * (elements[at + i] ?? 0);
  elements[at + label] = (elements[at + label] ?? 0) - weight;
}

/** Binary cross entropy of one logit with a target in [0, 1], and its gradient. */
export function binaryLoss(
  logit: number,
  target: number,
): { readonly loss: number; readonly gradient: number } {
  const loss = Math.max(logit, 0) - logit * target + Math.log1p(Math.exp(-Math.abs(logit)));
  return { loss, gradient: 1 / (1 + Math.exp(-logit)) - target };
}
