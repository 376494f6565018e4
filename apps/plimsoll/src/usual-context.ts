/** The default context of plans and of the engine: one constant, so that a plan equals the engine's memory. */
const usualContextTokens = 8192;

export function usualContext(contextLength: number): number {
  return Math.min(usualContextTokens, contextLength);
}
