/** Searches devices, counts, layouts and formats for the hardware that serves a model at the lowest cost. */
export { rank } from './rank.ts';
export type { Ranking, RankQuestion, RankRow } from './rank-question.ts';
export { type ReplicaCandidate, replicaCandidates } from './replica-candidates.ts';
