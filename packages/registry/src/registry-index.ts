/**
 * The index: what must be known of every record to find one, and no more. `tools/build-registry-index.ts` writes it from
 * the records; a test fails when it is stale. At run time one index and one record are read, never all records.
 *
 *   data/models/<org>/<name>.json  --+
 *   data/hardware/<id>.json        --+--> data/model-index.json, data/hardware-index.json
 *   data/featured.json             --+
 */

export interface ModelRow {
  readonly id: string;
  /** `model_type` of its config. */
  readonly family: string;
  readonly parameters: number | null;
  readonly activeParameters: number | null;
  /** Longest context in tokens that the config states; null if it states none. */
  readonly contextLength: number | null;
  /** The checkpoint's own quantisation under its own name: `fp8`, `awq`, `mxfp4`; null if it has none. */
  readonly quantization: string | null;
  /** Day of the release, such as `2026-08-05`; null if no source states it. */
  readonly released: string | null;
  /** Spellings that mean this row, as name keys. */
  readonly keys: readonly string[];
}

export interface HardwareRow {
  readonly id: string;
  readonly name: string;
  readonly vendor: string;
  readonly class: string;
  /** False for wearables, phones, chips of one purpose: no answer to what a model could run on. */
  readonly servesLanguageModels: boolean;
  readonly releaseYear: number;
  readonly nominalBytes: number;
  readonly usableBytes: number;
  readonly bandwidthBytesPerSecond: number;
  /** File name without extension; differs from `id` for a memory variant. */
  readonly file: string;
  /** Suffix of the memory variant, or null when the file describes one amount of memory. */
  readonly variant: string | null;
  readonly keys: readonly string[];
}

export interface RegistryIndex<Row> {
  readonly rows: readonly Row[];
  /** Keys that fit several rows equally well, with the ids they fit. Resolving one of them is an error. */
  readonly ambiguous: Readonly<Record<string, readonly string[]>>;
  /** Ids of the rows that many people ask for, in display order. */
  readonly featured: readonly string[];
}

/** A name that a row claims. The claim of lowest rank wins a key; two rows at the lowest rank make the key ambiguous. */
export interface NameClaim {
  readonly key: string;
  readonly id: string;
  readonly rank: number;
}

/** Gives every key to the claim of lowest rank. Returns each row's keys, best first, and the ambiguous keys. */
export function settleClaims(claims: readonly NameClaim[]): {
  readonly keysById: ReadonlyMap<string, readonly string[]>;
  readonly ambiguous: Readonly<Record<string, readonly string[]>>;
} {
  const claimsByKey = new Map<string, NameClaim[]>();
  for (const claim of claims) {
    const rivals = claimsByKey.get(claim.key);
    if (rivals === undefined) claimsByKey.set(claim.key, [claim]);
    else rivals.push(claim);
  }
  const won: NameClaim[] = [];
  const ambiguous: Record<string, readonly string[]> = {};
  for (const [key, rivals] of [...claimsByKey].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const rank = Math.min(...rivals.map((claim) => claim.rank));
    const ids = [...new Set(rivals.filter((claim) => claim.rank === rank).map((claim) => claim.id))].sort();
    if (ids.length === 1) won.push({ key, id: ids[0] ?? '', rank });
    else ambiguous[key] = ids;
  }
  const keysById = new Map<string, string[]>();
  for (const claim of won.sort((left, right) => left.rank - right.rank)) {
    const keys = keysById.get(claim.id);
    if (keys === undefined) keysById.set(claim.id, [claim.key]);
    else keys.push(claim.key);
  }
  return { keysById, ambiguous };
}
