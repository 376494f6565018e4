/** The context of a plan and of an engine when nobody names one: they must agree, or a plan is not what runs. */
const usualContextTokens = 8192;

export function usualContext(contextLength: number): number {
  return Math.min(usualContextTokens, contextLength);
}
