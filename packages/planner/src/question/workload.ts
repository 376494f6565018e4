/** Number of users, and the longest sequence of each in tokens, prompt and output together. */
export interface Workload {
  readonly contextTokens: number;
  readonly users: number;
  /** Tokens of the prompt for which TTFT is computed. Default: the whole context. */
  readonly promptTokens?: number | undefined;
  /** Prompt tokens found in a prefix cache: they cost memory but no prefill. Default: 0. */
  readonly cachedTokens?: number | undefined;
}

/** Changes the context of a workload. A context shorter than the prompt shortens the prompt too. */
export function withContext(workload: Workload, contextTokens: number): Workload {
  const { promptTokens } = workload;
  return {
    ...workload,
    contextTokens,
    ...(promptTokens !== undefined && { promptTokens: Math.min(promptTokens, contextTokens) }),
  };
}
