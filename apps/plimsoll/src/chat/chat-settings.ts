/** The sampling settings that `/set` changes during a chat, with the names of clients' APIs and of ollama. */
import { PlimsollError } from '@plimsoll/foundation';
import { realFlag, wholeFlag } from '../flag-values.ts';
import { type SamplingFlags, samplingLimits } from '../sampling-flags.ts';

interface Setting {
  readonly flag: keyof SamplingFlags;
  readonly usual: string;
  readonly parse: (name: string) => (text: string) => number;
}

const { temp, topP, minP, repeatPenalty, seed } = samplingLimits;

const settings: ReadonlyMap<string, Setting> = new Map([
  ['temperature', { flag: 'temp', usual: '0.8', parse: (name) => realFlag(name, ...temp) }],
  ['top_k', { flag: 'topK', usual: '40', parse: (name) => wholeFlag(name, 0) }],
  ['top_p', { flag: 'topP', usual: '0.95', parse: (name) => realFlag(name, ...topP) }],
  ['min_p', { flag: 'minP', usual: '0.05', parse: (name) => realFlag(name, ...minP) }],
  [
    'repeat_penalty',
    { flag: 'repeatPenalty', usual: '1', parse: (name) => realFlag(name, ...repeatPenalty) },
  ],
  ['seed', { flag: 'seed', usual: 'a new one per answer', parse: (name) => wholeFlag(name, ...seed) }],
  [
    'max_tokens',
    { flag: 'maxTokens', usual: 'the rest of the context', parse: (name) => wholeFlag(name, 1) },
  ],
]);

/** Other spellings: ollama's and llama.cpp's. */
const aliases: ReadonlyMap<string, string> = new Map([
  ['temp', 'temperature'],
  ['num_predict', 'max_tokens'],
  ['n_predict', 'max_tokens'],
]);

/** Returns the flags after `/set TEXT`: `temperature 0.5`, `parameter temperature 0.5`, `temperature default`. */
export function changedSettings(flags: SamplingFlags, text: string): SamplingFlags {
  const words = text.split(/[\s=]+/).filter((word) => word !== '');
  const [typed = '', value, ...more] = words[0] === 'parameter' ? words.slice(1) : words;
  const name = typed.toLowerCase().replaceAll('-', '_');
  const setting = settings.get(aliases.get(name) ?? name);
  if (setting === undefined || value === undefined || more.length > 0) {
    throw new PlimsollError({
      code: 'bad-setting',
      message: `"${text}" sets nothing`,
      value: text,
      limit: `${[...settings.keys()].join(', ')}, each with a value or "default"`,
      hint: '/set temperature 0.5',
    });
  }
  const { [setting.flag]: _, ...others } = flags;
  return value === 'default' ? others : { ...others, [setting.flag]: setting.parse(name)(value) };
}

/** All settings with their values: `temperature 0.5 · top_k 40 (default)`. */
export function settingsText(flags: SamplingFlags): string {
  return Array.from(settings, ([name, { flag, usual }]) => {
    const value = flags[flag];
    return value === undefined ? `${name} ${usual} (default)` : `${name} ${value}`;
  }).join(' · ');
}
