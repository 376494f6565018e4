/** Usage of a request. Times are seconds of the engine's clock. */
export interface RequestUsage {
  readonly promptTokens: number;
  /** Number of prompt tokens that were in the prefix cache when the request was admitted. */
  readonly cachedTokens: number;
  /** Number of tokens for the reader, summed over all choices. */
  readonly outputTokens: number;
  /** Number of preemptions, summed over the request's sequences. */
  readonly preemptions: number;
  /** Seconds from submission to admission; null before admission. */
  readonly queuedSeconds: number | null;
  /** Null before the first token. */
  readonly firstTokenAt: number | null;
  /** Null before the end. */
  readonly finishedAt: number | null;
}
