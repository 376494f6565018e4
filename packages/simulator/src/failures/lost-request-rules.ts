/** What happens to the requests of a failed replica: they are computed again from their prompts, or fail. */
export const lostRequestRules = ['retry', 'fail'] as const;
export type LostRequestRule = (typeof lostRequestRules)[number];
