/**
 * Changes sequences outside planning: takes sampled tokens, forks, preempts, pauses and ends sequences. Only the
 * scheduler calls it; this file keeps queues, memory and counters consistent with each sequence's state.
 */
import { assert, defined, type Seconds } from '@plimsoll/foundation';
import { hashWords } from './block-hash.ts';
import { type SequenceId, sequenceId } from './ids.ts';
import type { CommitOutcome, CountedResult, ForkResult, StepResult } from './plan.ts';
import { type FinishReason, Sequence, type SequenceView, type ServingRequest } from './sequence.ts';
import type { ServingCore } from './serving-core.ts';
import { noTransfers, type Transfers } from './transfers.ts';

const noTokens: readonly number[] = [];
const unknownToken: readonly number[] = [0];
/** By length; steps of sequences without tokens share them. */
const unknown: (readonly number[])[] = [noTokens, unknownToken];

function unknownTokens(count: number): readonly number[] {
  const tokens = unknown[count] ?? new Array<number>(count).fill(0);
  unknown[count] = tokens;
  return tokens;
}

/** The outcome of a commit while the commit collects it. */
export interface Outcome extends CommitOutcome {
  readonly finished: { sequence: SequenceView; reason: FinishReason }[];
  readonly forked: { parent: SequenceId; child: SequenceView }[];
}

export class Lifecycle {
  readonly sequences = new Map<SequenceId, Sequence>();
  readonly #core: ServingCore;
  /** Transfers that forks requested; the next plan carries them. */
  #transfers: Transfers = noTransfers();
  #nextId = 0;

  constructor(core: ServingCore) {
    this.#core = core;
  }

  submit(request: ServingRequest, now: Seconds): Sequence {
    const sequence = new Sequence({
      id: sequenceId(this.#nextId++),
      request,
      rank: this.#core.rule.rank(request, now),
      submittedAt: now,
      groupCount: this.#core.config.groups.length,
    });
    sequence.outputExpected = this.#core.rule.outputExpected ?? 0;
    this.sequences.set(sequence.id, sequence);
    this.#core.waiting.push(sequence);
    this.#core.metrics.submitted++;
    return sequence;
  }

  takeTransfers(): Transfers {
    const transfers = this.#transfers;
    this.#transfers = noTransfers();
    return transfers;
  }

  /** True if a fork asked for a copy that the next plan carries. */
  get hasTransfers(): boolean {
    return this.#transfers.blocks.length + this.#transfers.states.length > 0;
  }

  live(id: SequenceId): Sequence {
    return defined(this.sequences.get(id), `there is no live sequence ${id}`);
  }

  /** Applies the result of an entry: accepted drafts, a sampled token, forks, the end. */
  take(
    sequence: Sequence,
    result: StepResult,
    draftCount: number,
    { outcome, now }: { readonly outcome: Outcome; readonly now: Seconds },
  ): void {
    const { memory, metrics } = this.#core;
    const accepted = result.tokens.length - 1;
    if (accepted < 0 || accepted > draftCount)
      assert(false, `${accepted + 1} tokens for ${draftCount} drafts`);
    for (let index = 0; index < accepted; index++) {
      const same = result.tokens[index] === sequence.drafts[index];
      assert(same, 'a draft is accepted as another token');
    }
    assert(draftCount === 0 || !sequence.awaitsDrafts, 'places for drafts were left open');
    metrics.acceptedTokens += accepted;
    const children: { child: Sequence; fork: ForkResult }[] = [];
    if (result.forks !== undefined && result.forks.length > 0) {
      assert(draftCount === 0, 'a sequence cannot fork in the step that verifies its drafts');
      memory.settle(sequence, sequence.length);
      for (const fork of result.forks) children.push({ child: this.fork(sequence), fork });
    }
    const { drafts, draftPlaces } = result;
    assert(drafts === undefined || draftPlaces === undefined, 'drafts, or places for them');
    this.#append(sequence, result.tokens, drafts ?? new Array<number>(draftPlaces ?? 0).fill(0), now);
    sequence.awaitsDrafts = sequence.drafts.length > 0 && drafts === undefined;
    this.#finishIfDone(sequence, result.finished, { outcome, now });
    for (const { child, fork } of children) {
      outcome.forked.push({ parent: sequence.id, child });
      this.#append(child, [fork.token], noTokens, now);
      this.#finishIfDone(child, fork.finished, { outcome, now });
    }
  }

  /** Takes one token of a sequence whose content has no tokens. */
  takeCounted(sequence: Sequence, outcome: Outcome, now: Seconds): void {
    if (sequence.tokens.length > 0) assert(false, `sequence ${sequence.id} has tokens: commit its results`);
    if (sequence.state === 'decoding') {
      sequence.length++;
      sequence.firstTokenAt ??= now;
      sequence.lastTokenAt = now;
      this.#core.metrics.outputTokens++;
      this.#core.memory.settleDecode(sequence);
    } else this.#append(sequence, unknownToken, noTokens, now);
    if (sequence.length >= sequence.lengthMax) this.#finishIfDone(sequence, undefined, { outcome, now });
  }

  /** Takes the accepted drafts of a sequence without tokens and one token after them. */
  takeDrafted(
    sequence: Sequence,
    { accepted, draftPlaces }: CountedResult,
    draftCount: number,
    at: { readonly outcome: Outcome; readonly now: Seconds },
  ): void {
    if (sequence.tokens.length > 0) assert(false, `sequence ${sequence.id} has tokens: commit its results`);
    if (!(accepted >= 0 && accepted <= draftCount)) {
      assert(false, `${accepted} drafts accepted of ${draftCount}`);
    }
    this.#core.metrics.acceptedTokens += accepted;
    this.#append(sequence, unknownTokens(accepted + 1), unknownTokens(draftPlaces), at.now);
    this.#finishIfDone(sequence, undefined, at);
  }

  #append(sequence: Sequence, sampled: readonly number[], drafts: readonly number[], now: Seconds): void {
    const { memory, metrics } = this.#core;
    // The planner caps drafts at the tokens left before the limit, so accepted drafts cannot exceed it.
    assert(sampled.length <= sequence.lengthMax - sequence.length, 'a sequence grows past its limit');
    sequence.append(sampled);
    sequence.firstTokenAt ??= now;
    sequence.lastTokenAt = now;
    metrics.outputTokens += sampled.length;
    assert(drafts.length === 0 || memory.stateSlots === null, 'a recurrent state cannot take drafts back');
    const draftsMax = Math.max(0, sequence.lengthMax - sequence.length - 1);
    sequence.drafts = drafts.length > draftsMax ? drafts.slice(0, draftsMax) : drafts;
    if (!sequence.isRunning) return;
    memory.settle(sequence, sequence.length - 1);
    if (sequence.state === 'prefilling') sequence.become('decoding');
  }

  #finishIfDone(
    sequence: Sequence,
    finished: 'stop' | undefined,
    { outcome, now }: { readonly outcome: Outcome; readonly now: Seconds },
  ): void {
    const full = sequence.length >= sequence.lengthMax;
    if (finished === undefined && !full) return;
    const reason = finished ?? 'length';
    if (sequence.sends && sequence.isRunning) this.#send(sequence, reason, now);
    else this.finish(sequence, reason, now);
    outcome.finished.push({ sequence, reason });
  }

  /** Lets a sequence with all its tokens keep its blocks until `sent`. */
  #send(sequence: Sequence, reason: FinishReason, now: Seconds): void {
    const { running, sending } = this.#core;
    running.remove(sequence);
    sequence.finishReason = reason;
    sequence.finishedAt = now;
    sequence.become('sending');
    sending.add(sequence);
  }

  sent(sequence: Sequence): void {
    assert(sequence.state === 'sending', `sequence ${sequence.id} is ${sequence.state}: it sends nothing`);
    this.finish(sequence, sequence.finishReason ?? 'length', sequence.finishedAt);
  }

  /** A transport has filled the blocks of a receiving sequence. */
  arrive(sequence: Sequence): void {
    const { memory, metrics } = this.#core;
    assert(
      sequence.state === 'receiving',
      `sequence ${sequence.id} is ${sequence.state}: it receives nothing`,
    );
    const { receivesTo } = sequence;
    metrics.receivedTokens += receivesTo - sequence.computedTokens;
    sequence.receives = false;
    sequence.receivesTo = 0;
    memory.settle(sequence, receivesTo);
    sequence.become(sequence.uncomputedTokens === 1 ? 'decoding' : 'prefilling');
  }

  /** Ends a live sequence and frees what it holds. */
  finish(sequence: Sequence, reason: FinishReason, now: Seconds | null): void {
    const { memory, host, running, waiting, parked, sending, metrics } = this.#core;
    if (sequence.isRunning) {
      running.remove(sequence);
      memory.release(sequence);
    } else if (sending.delete(sequence)) memory.release(sequence);
    else {
      if (!parked.delete(sequence)) waiting.remove(sequence);
      host.drop(sequence);
    }
    sequence.finishReason = reason;
    sequence.finishedAt = now;
    sequence.become('finished');
    const outputTokens = sequence.length - sequence.promptLength;
    this.#core.rule.settle?.(sequence.tenant, outputTokens, sequence.outputExpected);
    this.sequences.delete(sequence.id);
    if (reason === 'aborted') metrics.aborted++;
    else if (reason === 'expired') metrics.expired++;
    else {
      metrics.finished++;
      // A request for one token, such as an embedding, says nothing about the lengths of answers.
      if (sequence.lengthMax > sequence.promptLength + 1) this.#core.lengths.add(outputTokens);
    }
  }

  /** Splits a sequence into two with the same tokens. The child waits if it does not fit now. */
  fork(parent: Sequence): Sequence {
    const { config, memory, running, waiting, parked, metrics } = this.#core;
    assert(parent.state !== 'sending', `sequence ${parent.id} has ended`);
    const child = parent.copy(sequenceId(this.#nextId++));
    this.sequences.set(child.id, child);
    metrics.forks++;
    const placed =
      parent.isRunning &&
      parent.state !== 'receiving' &&
      running.length < config.runningMax &&
      memory.fork(parent, child, this.#transfers);
    child.isPaused = parent.isPaused;
    if (!placed) {
      if (child.isPaused) parked.add(child);
      else waiting.push(child);
      return child;
    }
    child.admittedAt = parent.admittedAt;
    child.become('prefilling');
    if (parent.state === 'decoding') child.become('decoding');
    running.add(child);
    return child;
  }

  /** Preempts a running sequence and releases its memory; the next admission computes its tokens again. */
  giveWay(sequence: Sequence): void {
    const { memory, waiting, running, parked, metrics } = this.#core;
    metrics.discardedTokens += sequence.computedTokens;
    running.remove(sequence);
    memory.release(sequence);
    sequence.drafts = [];
    sequence.awaitsDrafts = false;
    sequence.become('preempted');
    if (sequence.isPaused) parked.add(sequence);
    else waiting.push(sequence);
  }

  rollback(sequence: Sequence, newLength: number): void {
    const { id, state, length: known } = sequence;
    assert(state !== 'receiving' && state !== 'sending', `sequence ${id} cannot roll back: it is ${state}`);
    assert(newLength >= 1 && newLength <= known, `a rollback of ${known} tokens to ${newLength}`);
    const { config, memory, host, metrics } = this.#core;
    sequence.truncate(newLength);
    const fullBlocks = Math.floor(newLength / config.blockSize);
    sequence.hashes.length = Math.min(sequence.hashes.length, fullBlocks * hashWords);
    sequence.drafts = [];
    const target = newLength - 1;
    if ((sequence.spilled?.computedTokens ?? 0) > target) host.drop(sequence);
    if (!sequence.isRunning) return;
    const { computedTokens } = sequence;
    if (memory.rollback(sequence, target)) metrics.discardedTokens += Math.max(0, computedTokens - target);
    else this.giveWay(sequence);
  }

  pause(sequence: Sequence): void {
    if (sequence.isPaused || sequence.state === 'sending') return;
    sequence.isPaused = true;
    if (sequence.isRunning) return;
    this.#core.waiting.remove(sequence);
    this.#core.parked.add(sequence);
  }

  resume(sequence: Sequence): void {
    if (!sequence.isPaused) return;
    sequence.isPaused = false;
    if (this.#core.parked.delete(sequence)) this.#core.waiting.push(sequence);
  }
}
