/** Words of the islands: every locale over English, so that a missing one shows in English and not as a key. */
import english from '../content/island-messages/en.json' with { type: 'json' };

export type IslandWords = typeof english;
export type PlannerWords = IslandWords['planner'];
export type MapWords = IslandWords['map'];
export type BatchWords = IslandWords['batch'];
export type BlocksWords = IslandWords['blocks'];
export type LiveWords = IslandWords['live'];
export type SimulateWords = IslandWords['simulate'];
export type CellWords = IslandWords['cell'];

/** "{users} users" with its values. A name without a value stays, so that a mistake is seen. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{([a-zA-Z]+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** What a form calls an option of an engine; its own name where no word was given to it. */
export function optionLabel(name: string, words: Readonly<Record<string, string>>): string {
  return choiceLabel('option', name, words);
}

/** The word for one of the values of a choice; the value itself if it has no word. */
export function choiceLabel(choice: string, value: string, words: Readonly<Record<string, string>>): string {
  return words[`${choice}-${value}`] ?? value;
}
