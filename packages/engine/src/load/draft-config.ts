/**
 * The settings of an EAGLE3 checkpoint that no tensor shows. Trainers for SGLang number the captured layers by their
 * output, speculators (vLLM) by their input: there layer 0 is the embedding.
 */
import { PlimsollError } from '@plimsoll/foundation';

type Json = Readonly<Record<string, unknown>>;

export interface DraftConfig {
  /** The section that describes the layers. */
  readonly layers: unknown;
  /** Captured layers of the target, by their output; null = the usual ones. */
  readonly layerIds: readonly number[] | null;
  readonly normsResidual: boolean;
  readonly normsOutput: boolean;
}

/** Throws `bad-draft-config` for a setting of another type. */
export function draftConfig(value: unknown): DraftConfig {
  const config = sectionOf(value) ?? {};
  const sections = [sectionOf(config.eagle_config), config].filter((section) => section !== null);
  const isSpeculators = config.speculators_model_type !== undefined;
  const ids =
    listOf(sections, 'eagle_aux_hidden_state_layer_ids') ?? listOf(sections, 'aux_hidden_state_layer_ids');
  return {
    layers: sectionOf(config.transformer_layer_config) ?? config,
    layerIds: ids === null ? null : ids.map((id) => (isSpeculators ? id - 1 : id)),
    normsResidual: flagOf(sections, 'norm_before_residual'),
    normsOutput: flagOf(sections, 'norm_output'),
  };
}

/** The layers that EAGLE3 captures where a config lists none, by their output. */
export function usualCapturedLayers(layerCount: number): readonly number[] {
  return [1, Math.floor(layerCount / 2) - 1, layerCount - 4];
}

function sectionOf(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

function stated(sections: readonly Json[], key: string): unknown {
  return sections.map((section) => section[key]).find((value) => value !== undefined && value !== null);
}

function listOf(sections: readonly Json[], key: string): readonly number[] | null {
  const value = stated(sections, key);
  if (value === undefined) return null;
  const isList = Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id));
  if (!isList) throw badSetting(key, value, 'a list of layer numbers');
  return value;
}

function flagOf(sections: readonly Json[], key: string): boolean {
  const value = stated(sections, key) ?? false;
  if (typeof value !== 'boolean') throw badSetting(key, value, 'true or false');
  return value;
}

function badSetting(key: string, value: unknown, limit: string): PlimsollError {
  const text = JSON.stringify(value).slice(0, 200);
  return new PlimsollError({
    code: 'bad-draft-config',
    message: `config.json of the draft states ${key} as ${text}`,
    value: text,
    limit,
    hint: 'download config.json of the draft again',
  });
}
