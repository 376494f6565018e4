/** Every family that a config.json can name. */
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
import { mllamaFamilies } from './mllama.ts';
import { nemotronFamilies } from './nemotron-h.ts';
import { otherDenseFamilies } from './other-dense.ts';
import { otherExpertFamilies } from './other-experts.ts';
import { qwenNextFamilies } from './qwen-next.ts';
import { stateSpaceFamilies } from './state-space.ts';
import { windowExpertFamilies } from './window-experts.ts';

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
  ...nemotronFamilies,
  ...mllamaFamilies,
};
