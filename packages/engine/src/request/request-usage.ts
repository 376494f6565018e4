/** What a request used. Times are those of the engine's clock, in seconds. */
export interface RequestUsage {
  readonly promptTokens: number;
  /** Prompt tokens that the prefix cache had when the request was admitted. */
  readonly cachedTokens: number;
  /** Tokens given to the reader, of all choices. */
  readonly outputTokens: number;
  /** How often a sequence of the request lost its place and was computed again. */
  readonly preemptions: number;
  /** From submission to the first place in a step; null before that. */
  readonly queuedSeconds: number | null;
  readonly firstTokenAt: number | null;
  readonly finishedAt: number | null;
}
