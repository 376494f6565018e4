/** Training of draft models: a tape over a planned arena, losses, optimizer. */
export { type CorrectedLossSums, correctedHeadLoss } from './losses/corrected-head-loss.ts';
export { labelHeadLoss } from './losses/label-head-loss.ts';
export type { GroupFactors, LabelLossSums } from './losses/label-rows.ts';
export type { TeacherLoss } from './losses/row-losses.ts';
export { type StepSums, teacherHeadLoss } from './losses/teacher-head-loss.ts';
export { planArena } from './tape/arena-plan.ts';
export { ParameterSet } from './tape/parameter-set.ts';
export { type Recording, Tape } from './tape/tape.ts';
export { columnsOf, type Tensor } from './tape/tensor.ts';
export { createDoubleArena, createTrainingArena, type TrainingArena } from './tape/training-arena.ts';
export { CheckpointManager } from './trainer/checkpoint-manager.ts';
export { type DraftTrainStrategy, TrainerCore } from './trainer/trainer-core.ts';
