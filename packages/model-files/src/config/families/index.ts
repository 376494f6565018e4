/** Every family that a config.json can name. */
import { defined } from '@plimsoll/foundation';
import { deepseekFamilies } from './deepseek.ts';
import { deepseekV4Families } from './deepseek-v4.ts';
import { expertFamilies } from './experts.ts';
import type { FamilyTable } from './family.ts';
import { fusedExpertFamilies } from './fused-experts.ts';
import { gemmaFamilies } from './gemma.ts';
import { gemma4Families } from './gemma4.ts';
import { gptLikeFamilies } from './gpt-like.ts';
import { kimiLinearFamilies } from './kimi-linear.ts';
import { llamaLikeFamilies } from './llama-like.ts';
import { mambaHybridFamilies } from './mamba-hybrids.ts';
import { mllamaFamilies } from './mllama.ts';
import { nemotronFamilies } from './nemotron-h.ts';
import { nemotronNasFamilies } from './nemotron-nas.ts';
import { otherDenseFamilies } from './other-dense.ts';
import { otherExpertFamilies } from './other-experts.ts';
import { qwenNextFamilies } from './qwen-next.ts';
import { stateSpaceFamilies } from './state-space.ts';
import { windowExpertFamilies } from './window-experts.ts';

/**
 * Families of image-and-text models by their outer name, for files whose inner config names no type: the defaults of
 * their code.
 */
const outerFamilies: FamilyTable = pick({
  idefics3: 'llama',
  kimi_k25: 'deepseek_v3',
  kimi_vl: 'deepseek_v3',
  llava: 'llama',
  llava_next: 'llama',
  mistral3: 'mistral',
  smolvlm: 'llama',
});

function pick(names: Readonly<Record<string, string>>): FamilyTable {
  const inner: FamilyTable = { ...llamaLikeFamilies, ...deepseekFamilies };
  return Object.fromEntries(
    Object.entries(names).map(([outer, name]) => [outer, defined(inner[name], `${name} is a family`)]),
  );
}

export const families: FamilyTable = {
  ...llamaLikeFamilies,
  ...otherDenseFamilies,
  ...gptLikeFamilies,
  ...gemmaFamilies,
  ...gemma4Families,
  ...expertFamilies,
  ...otherExpertFamilies,
  ...fusedExpertFamilies,
  ...windowExpertFamilies,
  ...deepseekFamilies,
  ...deepseekV4Families,
  ...kimiLinearFamilies,
  ...qwenNextFamilies,
  ...stateSpaceFamilies,
  ...mambaHybridFamilies,
  ...nemotronFamilies,
  ...nemotronNasFamilies,
  ...mllamaFamilies,
  ...outerFamilies,
};
