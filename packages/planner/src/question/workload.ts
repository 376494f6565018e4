/** Users and how long each of their sequences may become, prompt and output together. */
export interface Workload {
  readonly contextTokens: number;
  readonly users: number;
  /** Tokens of the prompt whose first token is timed; the whole context when absent. */
  readonly promptTokens?: number | undefined;
  /** Prompt tokens found in a prefix cache: they cost no prefill, but the memory all the same. */
  readonly cachedTokens?: number | undefined;
}

/** The same users with another context; a shorter context cuts the prompt that would be longer than it. */
export function withContext(workload: Workload, contextTokens: number): Workload {
  const { promptTokens } = workload;
  return {
    ...workload,
    contextTokens,
    ...(promptTokens !== undefined && { promptTokens: Math.min(promptTokens, contextTokens) }),
  };
}
