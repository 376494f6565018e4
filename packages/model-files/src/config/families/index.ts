/** Every family that a config.json can name. */
import { deepseekFamilies } from './deepseek.ts';
import { expertFamilies } from './experts.ts';
import type { FamilyTable } from './family.ts';
import { gemmaFamilies } from './gemma.ts';
import { llamaLikeFamilies } from './llama-like.ts';

export const families: FamilyTable = {
  ...llamaLikeFamilies,
  ...gemmaFamilies,
  ...expertFamilies,
  ...deepseekFamilies,
};
