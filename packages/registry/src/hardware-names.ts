/**
 * Derives the names that people type for hardware from a record's name and aliases: with and without maker, brand and
 * amount of memory, and the bare model number ("4090"). Aliases in the record win over derived names. If two records
 * derive the same name, the name is ambiguous, so that no record is guessed.
 */
import type { HardwareFile } from './hardware-schema.ts';
import { nameKey, withoutNoise } from './name-key.ts';
import type { NameClaim } from './registry-index.ts';

/** A record, or a memory variant of a record, as the index lists it. */
export interface HardwareVariant {
  readonly id: string;
  readonly name: string;
  readonly suffix: string | null;
  readonly isDefault: boolean;
  readonly marketed: string;
  readonly nominalBytes: number;
  readonly usableBytes: number;
  readonly aliases: readonly string[];
}

/** Returns the variants of a record; a record without variants is its own only variant. */
export function hardwareVariants(file: HardwareFile): readonly HardwareVariant[] {
  if (file.variants === undefined) {
    const { marketed, nominalBytes, usableBytes } = file.memory;
    const { id, name } = file;
    return [{ id, name, suffix: null, isDefault: true, marketed, nominalBytes, usableBytes, aliases: [] }];
  }
  return file.variants.map((variant) => ({
    id: `${file.id}-${variant.suffix}`,
    name: `${file.name} ${variant.marketed}`,
    suffix: variant.suffix,
    isDefault: variant.default === true,
    marketed: variant.marketed,
    nominalBytes: variant.nominalBytes,
    usableBytes: variant.usableBytes,
    aliases: variant.aliases ?? [],
  }));
}

/** Returns all name claims of a variant. */
export function hardwareNameClaims(file: HardwareFile, variant: HardwareVariant): readonly NameClaim[] {
  const claims: NameClaim[] = [];
  const claim = (name: string, rank: number): void => {
    claims.push({ key: nameKey(name), id: variant.id, rank });
  };
  claim(variant.id, 0);
  for (const alias of variant.aliases) {
    for (const [shorter, steps] of shortenedNames(alias)) claim(shorter, 1 + steps);
  }
  const names = [file.id, file.name, ...file.aliases];
  for (const name of names) {
    if (variant.isDefault) claim(name, name === file.id ? 0 : 1);
    for (const [shorter, steps] of shortenedNames(name)) {
      if (variant.isDefault) claim(shorter, 1 + steps);
      if (!nameKey(shorter).includes(nameKey(variant.marketed)))
        claim(`${shorter} ${variant.marketed}`, 2 + steps);
    }
  }
  return claims;
}

/**
 * Returns a name, the name without noise words, and that without the product line: "NVIDIA GeForce RTX 4090", "RTX
 * 4090", "4090".
 */
function shortenedNames(name: string): readonly (readonly [string, number])[] {
  const plain = withoutNoise(name);
  const number = plain.replace(/^(?:rtx|gtx|rx|arc|jetson)\s+(?=\S*\d)/i, '');
  return [
    [name, 0],
    [plain, 1],
    [number, 2],
  ];
}
