/**
 * Names that people type for hardware, derived by rule from a record's name and aliases: with and without maker, brand
 * and amount of memory, and with the bare model number ("4090"). Aliases in the record win over derived names; two
 * records that derive the same name make it ambiguous rather than one of them a guess.
 */
import type { HardwareFile } from './hardware-schema.ts';
import { nameKey, withoutNoise } from './name-key.ts';
import type { NameClaim } from './registry-index.ts';

/** One record, or one memory variant of it, as the index lists it. */
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

/** The variants of a record; a record without any is its own only one. */
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

/** All claims of one variant of a record. */
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

/** A name, the same without noise, and that without the product line: "NVIDIA GeForce RTX 4090", "RTX 4090", "4090". */
function shortenedNames(name: string): readonly (readonly [string, number])[] {
  const plain = withoutNoise(name);
  const number = plain.replace(/^(?:rtx|gtx|rx|arc|jetson)\s+(?=\S*\d)/i, '');
  return [
    [name, 0],
    [plain, 1],
    [number, 2],
  ];
}
