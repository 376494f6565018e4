/**
 * Changes one value of a JSON text at any depth, as a person, a script or an attacker changes a config or a tokenizer.
 */
import { type Random, randomInteger } from '@plimsoll/foundation/random';
import { chance, changedNumber, oddText, pick, place, realEdges } from './chance.ts';

type JsonObject = { [key: string]: unknown };

interface Slot {
  readonly path: string;
  readonly value: unknown;
  set(value: unknown): void;
  remove(): void;
}

/** Changes one place of a value that the caller owns, and returns its path. */
export function mutateJson(value: unknown, random: Random): string {
  const slots = slotsOf(value);
  const at = place(random, slots);
  const slot = at === null ? undefined : slots[at];
  if (slot === undefined) return 'nothing to change';
  if (chance(random, 0.1)) {
    slot.remove();
    return `${slot.path} taken out`;
  }
  const changed = chance(random, 0.6) ? sameKind(slot.value, random) : otherKind(random);
  slot.set(changed);
  return `${slot.path} = ${JSON.stringify(changed)?.slice(0, 80) ?? 'undefined'}`;
}

/** The entries of long lists are similar, so some of their places suffice. */
const listPlacesMax = 12;

function slotsOf(root: unknown): Slot[] {
  const slots: Slot[] = [];
  const pending: { readonly value: unknown; readonly path: string }[] = [{ value: root, path: '' }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, path } = next;
    if (typeof value !== 'object' || value === null) continue;
    const holder = value as JsonObject;
    const keys = Object.keys(holder);
    const step = Array.isArray(value) ? Math.max(1, Math.floor(keys.length / listPlacesMax)) : 1;
    keys.forEach((key, index) => {
      if (index % step !== 0) return;
      const own = path === '' ? key : `${path}.${key}`;
      slots.push({
        path: own,
        value: holder[key],
        set: (changed) => {
          holder[key] = changed;
        },
        remove: () => {
          if (Array.isArray(value)) value.splice(Number(key), 1);
          else delete holder[key];
        },
      });
      pending.push({ value: holder[key], path: own });
    });
  }
  return slots;
}

function sameKind(value: unknown, random: Random): unknown {
  if (typeof value === 'number') {
    return chance(random, 0.3) ? pick(random, realEdges) : changedNumber(random, value);
  }
  if (typeof value === 'string') return changedText(value, random);
  if (typeof value === 'boolean') return !value;
  if (Array.isArray(value)) return changedList(value, random);
  return otherKind(random);
}

function changedText(value: string, random: Random): string {
  if (value === '' || chance(random, 0.4)) return oddText(random);
  const at = randomInteger(random, 0, value.length);
  return pick(random, [
    value.slice(0, at),
    value.slice(0, at) + oddText(random) + value.slice(at),
    value.slice(0, at) + value.slice(at + 1),
    value + value,
    value.toUpperCase(),
  ]);
}

function changedList(value: readonly unknown[], random: Random): unknown {
  const at = randomInteger(random, 0, value.length + 1);
  return pick(random, [
    [],
    value.slice(0, at),
    [...value, ...value],
    value.toReversed(),
    [...value.slice(0, at), otherKind(random), ...value.slice(at)],
  ]);
}

function otherKind(random: Random): unknown {
  const depth = randomInteger(random, 1, 200);
  const nested = (): unknown => {
    let value: unknown = 1;
    for (let level = 0; level < depth; level++) value = chance(random, 0.5) ? [value] : { type: value };
    return value;
  };
  return pick<() => unknown>(random, [
    () => null,
    () => true,
    () => 0,
    () => -1,
    () => 1.5,
    () => 1e308,
    () => [],
    () => ({}),
    () => oddText(random),
    () => Array.from({ length: 1000 }, (_, index) => index),
    nested,
  ])();
}
