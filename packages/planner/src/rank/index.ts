/** Which hardware serves a model at what cost: a search over devices, counts, layouts and formats. */
export { rank } from './rank.ts';
export type { Ranking, RankQuestion, RankRow } from './rank-question.ts';
