/**
 * A cell: a few lines of code on the planner that a tutorial shows, runs when the site is built, and lets its reader run again
 * with other inputs. It reads nothing but its values and the workbench, so it gives the same numbers in Node and in a page.
 */
import { PlimsollError } from '@plimsoll/foundation';
import type { Workbench } from '../workbench/workbench.ts';
import type { Unit } from './quantity.ts';

export type CellInput =
  | {
      readonly kind: 'number';
      readonly min: number;
      readonly max: number;
      /** 1 when absent: whole numbers. */
      readonly step?: number;
      readonly default: number;
    }
  | { readonly kind: 'choice'; readonly options: readonly string[]; readonly default: string };

export type CellInputs = Readonly<Record<string, CellInput>>;

export type CellValues<Inputs extends CellInputs> = {
  readonly [Name in keyof Inputs]: Inputs[Name] extends { readonly kind: 'number' } ? number : string;
};

export interface CellColumn {
  /** Key of its label in the page's messages. */
  readonly name: string;
  readonly unit: Unit;
}

/** A text is the key of a label, true and false are words of the site, and null means "does not exist". */
export type CellEntry = number | string | boolean | null;

/** A limit that another choice sets, such as the longest context of the chosen model. */
export interface CellCap {
  readonly most: number;
  /** The name of what sets the limit. */
  readonly setBy: string;
}

export interface CellOutput {
  readonly columns: readonly CellColumn[];
  readonly rows: readonly (readonly CellEntry[])[];
  /** Columns drawn over another one; all of `y` have one unit. */
  readonly chart?: {
    readonly x: string;
    readonly y: readonly string[];
    readonly xScale: 'log' | 'linear';
    readonly yScale: 'log' | 'linear';
    /** A limit across the chart; its label is `mark`. */
    readonly mark?: { readonly axis: 'x' | 'y'; readonly value: number };
  };
  /** Caps by input. If a value is above its cap, the cell computes with the cap and the page says so. */
  readonly caps?: Readonly<Record<string, CellCap>>;
}

/** What a file under cells/ exports. */
export interface Cell {
  readonly inputs: CellInputs;
  readonly compute: (values: Readonly<Record<string, never>>, bench: Workbench) => CellOutput;
}

export type AnyValues = Readonly<Record<string, number | string>>;

export function defaultValues(inputs: CellInputs): AnyValues {
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.default]));
}

/** Runs a cell on values from any source. It refuses a value outside the limits of its input and names the limits. */
export function runCell(cell: Cell, values: AnyValues, bench: Workbench): CellOutput {
  for (const [name, input] of Object.entries(cell.inputs)) checkValue(name, input, values[name]);
  return cell.compute(values as Readonly<Record<string, never>>, bench);
}

/** Parses the entry of a reader; null if the input does not allow it. */
export function readEntry(input: CellInput, text: string): number | string | null {
  if (input.kind === 'choice') return input.options.includes(text) ? text : null;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  return isOnStep(value, input) ? value : null;
}

function checkValue(name: string, input: CellInput, value: number | string | undefined): void {
  const isAllowed =
    input.kind === 'choice'
      ? typeof value === 'string' && input.options.includes(value)
      : typeof value === 'number' && isOnStep(value, input);
  if (isAllowed) return;
  throw new PlimsollError({
    code: 'bad-cell-input',
    message: `${name} cannot be ${value}`,
    value: String(value),
    limit: input.kind === 'choice' ? input.options.join(', ') : `${input.min} to ${input.max}`,
    hint: `choose ${input.default}`,
  });
}

function isOnStep(value: number, { min, max, step = 1 }: Extract<CellInput, { kind: 'number' }>): boolean {
  const steps = (value - min) / step;
  return value >= min && value <= max && Math.abs(steps - Math.round(steps)) < 1e-9;
}
