/** What a family of models gives: how its config.json becomes the language part of a ModelSpec. */
import type { ConfigReader } from '../config-reader.ts';
import type { TextModel } from '../decoder.ts';

export interface Family {
  readonly read: (config: ConfigReader) => TextModel;
  /** The longest context when no key states it, in families that are documented for one. */
  readonly contextTokens?: number;
  /**
   * What the code of the family assumes for absent keys. Used for a config inside another one only: there files state
   * just what differs from the code, while a config of its own states its sizes, and one that does not is broken.
   */
  readonly nestedDefaults?: Readonly<Record<string, unknown>>;
}

/** `model_type` -> family. */
export type FamilyTable = Readonly<Record<string, Family>>;
