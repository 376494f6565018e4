/** Asks for model, device, context and users; the lists narrow as you type. */
import { autocomplete, cancel, intro, text } from '@clack/prompts';
import { formatBytes, formatTokens, PlimsollError, parseTokens } from '@plimsoll/foundation';
import { type HardwareRow, type ModelRow, searchHardware, searchModels } from '@plimsoll/registry';
import type { PlanFlags } from './plan-flags.ts';

interface Choice {
  readonly value: string;
  readonly label: string;
  readonly hint?: string;
}

export async function askForPlan(
  model: string | undefined,
  flags: PlanFlags,
): Promise<{ readonly model: string; readonly flags: PlanFlags } | null> {
  intro('Plimsoll: how heavily may this GPU be loaded?');
  const chosenModel = model ?? (await choose('Which model?', modelChoices()));
  if (chosenModel === null) return null;
  const gpu = flags.gpu ?? (await choose('On which device?', hardwareChoices()));
  if (gpu === null) return null;
  const context = flags.context ?? (await ask('How many tokens of context per user?', '8k', tokensProblem));
  if (context === null) return null;
  const users = await ask('How many users at once?', '1', usersProblem);
  if (users === null) return null;
  return { model: chosenModel, flags: { ...flags, gpu, context, users } };
}

/** Returns the choices for the typed text. Without text it returns everything, with the featured records first. */
type ChoiceList = (typed: string) => readonly Choice[];

/** Maximum number of choices: without text all records, which the user can scroll through; else the 50 best matches. */
function choicesMax(typed: string): number {
  return typed === '' ? Number.POSITIVE_INFINITY : 50;
}

function modelChoices(): ChoiceList {
  const choice = (row: ModelRow): Choice => ({
    value: row.id,
    label: row.id,
    hint: row.parameters === null ? row.family : `${(row.parameters / 1e9).toFixed(1)} B, ${row.family}`,
  });
  return (typed) => searchModels(typed, choicesMax(typed)).map(choice);
}

function hardwareChoices(): ChoiceList {
  const choice = (row: HardwareRow): Choice => ({
    value: row.id,
    label: row.name,
    hint: `${formatBytes(row.usableBytes)} usable, ${(row.bandwidthBytesPerSecond / 1e9).toFixed(0)} GB/s`,
  });
  return (typed) => searchHardware(typed, choicesMax(typed)).map(choice);
}

async function choose(message: string, list: ChoiceList): Promise<string | null> {
  const answer = await autocomplete<string | undefined>({
    message,
    placeholder: 'type to search',
    maxItems: 8,
    options() {
      return [...list(this.userInput.trim())];
    },
    // The registry's search has already filtered the list.
    filter: () => true,
  });
  // Enter on an empty list chooses nothing, so the program asks again.
  return answer === undefined ? choose(message, list) : given(answer);
}

async function ask(
  message: string,
  usual: string,
  problem: (typed: string) => string | undefined,
): Promise<string | null> {
  const validate = (typed: string | undefined): string | undefined =>
    problem(typed === undefined || typed === '' ? usual : typed);
  return given(await text({ message, placeholder: usual, defaultValue: usual, validate }));
}

function given(answer: string | symbol): string | null {
  if (typeof answer === 'string') return answer;
  cancel('Nothing planned.');
  return null;
}

function tokensProblem(typed: string): string | undefined {
  try {
    parseTokens(typed);
    return undefined;
  } catch (error) {
    return error instanceof PlimsollError
      ? `${error.message}: write 8192, 8k or ${formatTokens(131072)}`
      : String(error);
  }
}

function usersProblem(typed: string): string | undefined {
  return /^[1-9]\d{0,6}$/.test(typed.trim()) ? undefined : 'a whole number, such as 16';
}
