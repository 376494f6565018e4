/** What a command adds to the name of a model. */
export interface ReferenceOptions {
  /** The family as which an unknown architecture is read. */
  readonly assume?: string | undefined;
  /** True if no model may be read from the Hub. */
  readonly offline?: boolean | undefined;
  /** The mixture to take from a repository of GGUF files, such as `Q8_0`. */
  readonly mixture?: string | undefined;
}
