/**
 * What a training algorithm states about itself. An algorithm is one folder (spec, model, loss, collate) that exports a
 * `StrategySpec`; trainer, capture and export read the spec, and no code outside the folder knows the algorithm's name.
 */
import type { DraftTrainStrategy, ParameterSet, planArena, TrainingArena } from '@plimsoll/training';
import type { VocabularyMap } from '../data/vocabulary-map.ts';
import type { DraftForm, WeightsType } from '../export/draft-config.ts';
import type { WantedStates } from '../targets/target-engine.ts';
import type { Features } from './feature-values.ts';
import type { TargetTables } from './target-tables.ts';

/** What an algorithm needs to know about the frozen target. */
export interface TargetShape {
  readonly hiddenSize: number;
  readonly layerCount: number;
  readonly vocabularySize: number;
}

export interface StrategyInputs {
  /** The draft's section of a recipe; the spec checks it. */
  readonly draft: Readonly<Record<string, unknown>>;
  /** Null for an algorithm without a target. */
  readonly target: TargetShape | null;
  /** Layers that the samples were captured from. */
  readonly layerIds: readonly number[];
  /** Null unless the spec needs a mapped vocabulary. */
  readonly vocabulary: VocabularyMap | null;
  readonly batchSize: number;
  /** Lengths of the recordings; the longest one bounds a sample. */
  readonly lengths: readonly number[];
}

/** An opened algorithm: its memory is planned, nothing is allocated. */
export interface TrainableStrategy extends DraftTrainStrategy<Features> {
  readonly parameters: ParameterSet;
  readonly plan: ReturnType<typeof planArena>;
  /** Frozen weight -> the table of the target that it is a copy of. */
  readonly tables: Readonly<Record<string, keyof TargetTables>>;
}

export interface StrategySpec {
  /** The name in recipes and refs. */
  readonly name: string;
  /** The algorithm whose captures this one trains on as well; null for none. */
  readonly parent: string | null;
  /** `replay`: blocks that a draft proposed and the target verified. */
  readonly sampleKind: 'capture' | 'replay';
  /** Features of every sample. */
  readonly features: readonly string[];
  /** Supervised tokens in a row that a sample needs at least: 2 for blocks that begin at a supervised token. */
  readonly supervisedRunMin: number;
  /** The only batch size that the algorithm trains with; null for any. */
  readonly batchSize: number | null;
  /** Whether the head predicts the target's vocabulary or a counted part of it. */
  readonly vocabulary: 'target' | 'mapped';
  /** `merged`: the draft's weights become layers of the target's checkpoint. */
  readonly exportForm: 'draft' | 'merged';
  /** The states that the target computes; null for an algorithm without a target. */
  wantedStates(target: TargetShape, draft: Readonly<Record<string, unknown>>): WantedStates | null;
  /** Throws `bad-draft-config` for a draft that cannot be trained. */
  open(inputs: StrategyInputs): TrainableStrategy;
  /** Writes a trained draft as a folder that engines load; absent if the algorithm has no such form. */
  writeDraft?(trained: TrainedDraft): Promise<void>;
  /** Reads a written draft for a warm start. Throws errors of its files, and for a draft of another shape. */
  readDraft?(folder: string, inputs: Omit<StrategyInputs, 'vocabulary'>): Promise<StartingDraft>;
}

export interface TrainedDraft {
  readonly folder: string;
  readonly inputs: StrategyInputs;
  readonly parameters: ParameterSet;
  readonly arena: Pick<TrainingArena, 'parameter'>;
  /** Longest context that the draft is served with. */
  readonly contextMax: number;
  readonly target: { readonly id: string; readonly architectures: readonly string[] };
  /** The target's own folder, whose tokenizer a whole model takes; null for a target in one file. */
  readonly targetFolder: string | null;
  readonly form: DraftForm;
  readonly weightsType: WeightsType;
}

export interface StartingDraft {
  /** Stays as it is: another map would give the rows of the head other meanings. Null for a draft without a map. */
  readonly vocabulary: VocabularyMap | null;
  fillWeights(arena: Pick<TrainingArena, 'parameter'>): void;
}
