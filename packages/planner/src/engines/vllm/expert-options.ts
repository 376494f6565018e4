/** Flags of vLLM that spread the load of experts: some experts are held twice, and devices exchange experts. */
import { countOption, type OptionSpec, switchOption } from '../contract/option-spec.ts';
import { jsonObject, wholeOf } from './json-text.ts';

export interface ExpertOptions {
  readonly balancesExperts?: boolean | undefined;
  /** Experts of a layer that are held once more. */
  readonly redundantExperts?: number | undefined;
  /** Steps whose loads are kept. */
  readonly loadWindowSteps?: number | undefined;
  /** The object of --eplb-config as a person wrote it. */
  readonly balanceText?: string | undefined;
}

/** Largest numbers that a flag may state. */
const expertsMax = 100_000;
const stepsMax = 1_000_000;

export const expertOptions: readonly OptionSpec<ExpertOptions>[] = [
  switchOption<ExpertOptions>(
    {
      name: 'enable-eplb',
      flags: ['--enable-eplb'],
      words: 'devices exchange experts to balance their load',
    },
    { balancesExperts: true },
    ({ balancesExperts }) => balancesExperts === true,
  ),
  {
    name: 'eplb-config',
    flags: ['--eplb-config'],
    value: '<json>',
    words: 'redundant experts, and the steps whose loads are kept',
    limit: 'a JSON object such as {"num_redundant_experts": 32, "window_size": 1000}',
    field: null,
    read: (text) => {
      const value = jsonObject(text);
      if (value === null) return null;
      const redundant = wholeOf(value.num_redundant_experts, expertsMax);
      const steps = wholeOf(value.window_size, stepsMax);
      return {
        ...(redundant !== null && { redundantExperts: redundant }),
        ...(steps !== null && { loadWindowSteps: steps }),
        balanceText: text,
      };
    },
    write: ({ balanceText }) => balanceText ?? null,
  },
  countOption<ExpertOptions>(
    {
      name: 'num-redundant-experts',
      flags: ['--num-redundant-experts'],
      words: 'experts of a layer that are held once more (before --eplb-config)',
      least: 0,
    },
    (redundantExperts) => ({ redundantExperts }),
    ({ redundantExperts, balanceText }) => (balanceText === undefined ? redundantExperts : undefined),
  ),
];
