export interface LlamaCppOptions {
  readonly flashAttention?: boolean | undefined;
}
