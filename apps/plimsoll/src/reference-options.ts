/** What a command adds to the name of a model. */
export interface ReferenceOptions {
  /** True for the drafter of speculative decoding, which the registry keeps apart from the models. */
  readonly isDrafter?: boolean | undefined;
  /** The family as which an unknown architecture is read. */
  readonly assume?: string | undefined;
  /** True if no model may be read from the Hub. */
  readonly offline?: boolean | undefined;
  /** Values that replace values of the model's config.json. */
  readonly overrides?: Readonly<Record<string, unknown>> | undefined;
  /** The mixture to take from a repository of GGUF files, such as `Q8_0`. */
  readonly mixture?: string | undefined;
}

/** The part of the options that readers of a config.json take. */
export function configOptions({ assume, overrides }: ReferenceOptions): {
  readonly assume?: string;
  readonly overrides?: Readonly<Record<string, unknown>>;
} {
  return { ...(assume !== undefined && { assume }), ...(overrides !== undefined && { overrides }) };
}
