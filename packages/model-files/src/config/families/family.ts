/** The interface of a model family: it turns a config.json into the language part of a ModelSpec. */
import type { ConfigReader } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';

export interface Family {
  readonly read: (config: ConfigReader) => TextModel;
  /** The longest context in tokens if no key states it, for families whose documentation gives it. */
  readonly contextTokens?: number;
  /**
   * The defaults of the family's code for absent keys. They apply only to a config inside another config: such files
   * state only differences from the code. A separate config states its sizes, and is broken without them.
   */
  readonly nestedDefaults?: Readonly<Record<string, unknown>>;
}

/** `model_type` -> family. */
export type FamilyTable = Readonly<Record<string, Family>>;
