/** Parsers of flags with numbers, for commander's options. */
import { PlimsollError } from '@plimsoll/foundation';

/** Largest count of any flag: above it sums leave the range of exact integers. */
const countMax = 10_000_000;

export function wholeFlag(flag: string, least: number, most: number = countMax): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw badValue(flag, text, `a whole number from ${least} to ${most}`);
  };
}

export function realFlag(flag: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && value >= least && value <= most) return value;
    throw badValue(flag, text, `a number from ${least} to ${most}`);
  };
}

/** Parses `512` or `128,512,2048`: one value per test. */
export function countsFlag(flag: string, least = 0): (text: string) => readonly number[] {
  const one = wholeFlag(flag, least);
  return (text) => text.split(',').map((part) => one(part.trim()));
}

/** Adds the value of a flag that may be repeated. */
export function collected(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** The error for a wrong value of a flag of `plimsoll plan`. `flag` has no dashes. */
export function badFlag(flag: string, value: string, limit: string): PlimsollError {
  return badValue(`--${flag}`, value, limit);
}

/** The error for a wrong value. It has no hint: the program names the help of its command. */
export function badValue(flag: string, value: string, limit: string): PlimsollError {
  return new PlimsollError({ code: 'bad-flag', message: `${flag} ${value} is not allowed`, value, limit });
}

/** The error for a flag without the flag that it needs, such as `--draft-tokens` without `--draft <model>`. */
export function lonelyFlag(flag: string, needed: string): PlimsollError {
  return new PlimsollError({
    code: 'bad-flag',
    message: `${flag} has no effect without ${needed}`,
    value: flag,
    hint: `add ${needed}, or leave ${flag} out`,
  });
}
