/**
 * The memory of the process outside its arenas: allowances for the runtime, and buffers that the engine allocates on
 * the host. The allowances are measured, not allocated byte for byte. They are an absolute floor, because a share of a
 * small budget would be less than Node itself needs.
 */
import { bytes, formatCount } from '@plimsoll/foundation';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { LedgerEntry } from '../../bytes/ledger.ts';
import costs from './runtime-costs.json' with { type: 'json' };
import type { EngineSettings } from './settings.ts';
import { featureWidth } from './step-buffers.ts';

const source = 'runtime-costs.json: measured allowances';

/** Builds one entry of the floor of the reserve. */
function runtimeEntry(tag: string, value: number, formula: string, substituted: string): LedgerEntry {
  return {
    category: 'runtime',
    tag,
    tier: 'host',
    bytes: bytes(value),
    derivation: { formula, substituted, source },
  };
}

/** Returns the floor of the reserve: the process, and the bytes of each enabled feature. */
export function runtimeEntries(spec: ModelSpec, settings: EngineSettings): readonly LedgerEntry[] {
  const { threads, sequencesMax, contextMax, waitingMax, waitingTokensMax, program } = settings;
  const workers = threads - 1;
  const sequenceBytes = costs.sequenceBytes.value + contextMax * costs.contextTokenBytes.value;
  const entries = [
    runtimeEntry('process', costs.processBytes.value, 'one process of Node', 'with every package loaded'),
    runtimeEntry(
      'tokenizer',
      spec.vocabSize * costs.vocabularyTokenBytes.value,
      'vocabulary x bytes per token',
      `${formatCount(spec.vocabSize)} x ${costs.vocabularyTokenBytes.value}`,
    ),
    runtimeEntry(
      'requests',
      sequencesMax * sequenceBytes,
      'sequences x (bytes of a request + context x bytes per token)',
      `${sequencesMax} x (${costs.sequenceBytes.value} + ${formatCount(contextMax)} x ${costs.contextTokenBytes.value})`,
    ),
    runtimeEntry(
      'waiting requests',
      waitingMax * costs.waitingRequestBytes.value + waitingTokensMax * costs.contextTokenBytes.value,
      'waiting requests x bytes of a request + waiting tokens x bytes per token',
      `${formatCount(waitingMax)} x ${costs.waitingRequestBytes.value} + ${formatCount(waitingTokensMax)} x ${costs.contextTokenBytes.value}`,
    ),
  ];
  if (workers > 0) {
    const each = costs.threadBytes.value;
    entries.push(
      runtimeEntry(
        'kernel threads',
        workers * each,
        'worker threads x bytes',
        `${workers} x ${formatCount(each)}`,
      ),
    );
  }
  if (program !== null) {
    const { derivation } = program;
    entries.push({
      category: 'runtime',
      tag: 'program',
      tier: 'host',
      bytes: bytes(program.bytes),
      derivation,
    });
  }
  if (settings.constrainedOutput) {
    const each = costs.constraintTokenBytes.value;
    entries.push(
      runtimeEntry(
        'output constraints',
        costs.constraintBytes.value + spec.vocabSize * each,
        'largest grammar + vocabulary x bytes of trie per token',
        `${costs.constraintBytes.value} + ${formatCount(spec.vocabSize)} x ${each}`,
      ),
    );
  }
  return entries;
}

/** Rows of the vocabulary besides the proposals: the draft's logits, the model's distribution, and the residual. */
const draftScratchRows = 3;

/** Tokens per block of logits, of which a row keeps the maximum, and bytes of the histogram of candidates. */
const logitBlockTokens = 64;
const histogramBytes = 2048 * 4;

/**
 * Sums the arrays that all samplers of an engine share (packages/engine, sampler-workspace.ts): logits f32, block
 * maxima f32, candidates' ids i32, their logits, probabilities and sort keys f64, counts i32, scores f64, DRY's lengths
 * i32.
 */
function samplerWorkspaceBytes(vocabSize: number, contextMax: number): number {
  const perToken = 4 + 4 + 3 * 8 + 4 + 8 + 4;
  return vocabSize * perToken + 4 * Math.ceil(vocabSize / logitBlockTokens) + histogramBytes + 4 * contextMax;
}

/**
 * Returns the entries of allocated host memory: sampling, the staging pool, draft proposals, the states that a drafter
 * reads, and hidden states that requests ask for.
 */
export function hostBuffers(spec: ModelSpec, settings: EngineSettings): readonly LedgerEntry[] {
  const { stagingBytes, hiddenStatesBytes, sequencesMax, draft } = settings;
  const entries: LedgerEntry[] = [samplingEntry(spec, settings)];
  if (stagingBytes > 0) {
    entries.push({
      category: 'workspace',
      tag: 'staging',
      tier: 'host',
      bytes: bytes(stagingBytes),
      derivation: {
        formula: 'one pool for the blocks of preempted sequences',
        substituted: formatCount(stagingBytes),
        source: 'engine setting stagingBytes',
      },
    });
  }
  if (draft !== null) {
    const rows = sequencesMax * draft.tokens;
    entries.push({
      category: 'draft',
      tag: 'proposed distributions',
      tier: 'host',
      bytes: bytes(4 * (rows + draftScratchRows) * spec.vocabSize),
      derivation: {
        formula: '(sequences x drafted tokens + rows of scratch) x vocabulary x 4',
        substituted: `(${sequencesMax} x ${draft.tokens} + ${draftScratchRows}) x ${formatCount(spec.vocabSize)} x 4`,
        source: 'rejection sampling needs the distribution of each drafted token',
      },
    });
  }
  if (draft?.spec.drafter !== undefined) entries.push(...drafterEntries(draft.spec, settings));
  if (hiddenStatesBytes > 0) {
    entries.push({
      category: 'features',
      tag: 'hidden states',
      tier: 'host',
      bytes: bytes(hiddenStatesBytes),
      derivation: {
        formula: 'one pool for the hidden states that requests ask for',
        substituted: formatCount(hiddenStatesBytes),
        source: 'engine setting hiddenStatesBytes',
      },
    });
  }
  return entries;
}

/** The memory of a drafter that reads states of its target (packages/engine, feature-drafter.ts). */
function drafterEntries(
  spec: ModelSpec,
  { stepTokens, sequencesMax }: EngineSettings,
): readonly LedgerEntry[] {
  const width = featureWidth(spec);
  const head = spec.tensors.find(({ role }) => role === 'lm-head')?.shape[0] ?? spec.vocabSize;
  const entry = (tag: string, value: number, formula: string, substituted: string): LedgerEntry => ({
    category: 'draft',
    tag,
    tier: 'host',
    bytes: bytes(value),
    derivation: { formula, substituted, source: 'the draft reads states of its target' },
  });
  return [
    entry(
      'captured states',
      4 * stepTokens * width,
      'tokens of a step x captured layers x hidden size of the target x 4',
      `${formatCount(stepTokens)} x ${formatCount(width)} x 4`,
    ),
    // Each running sequence keeps a row, and a pass of the draft reads a row of each.
    entry(
      'draft states',
      8 * sequencesMax * spec.hiddenSize,
      '2 x sequences x hidden size of the draft x 4',
      `2 x ${sequencesMax} x ${formatCount(spec.hiddenSize)} x 4`,
    ),
    entry('vocabulary map', 4 * head, 'tokens that the draft predicts x 4', `${formatCount(head)} x 4`),
  ];
}

function samplingEntry({ vocabSize }: ModelSpec, { contextMax }: EngineSettings): LedgerEntry {
  return {
    category: 'workspace',
    tag: 'sampling',
    tier: 'host',
    bytes: bytes(samplerWorkspaceBytes(vocabSize, contextMax)),
    derivation: {
      formula: 'vocabulary x 48 + ceil(vocabulary / 64) x 4 + 2048 x 4 + context x 4',
      substituted: `${formatCount(vocabSize)} x 48 + ceil(${formatCount(vocabSize)} / 64) x 4 + 2048 x 4 + ${formatCount(contextMax)} x 4`,
      source: 'one workspace for the samplers of all sequences',
    },
  };
}
