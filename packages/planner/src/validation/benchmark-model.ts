/** Finds the checkpoint of a benchmark record from its loose names. */
import { PlimsollError } from '@plimsoll/foundation';
import { attempt } from '@plimsoll/foundation/attempt';
import type { ModelSpec } from '@plimsoll/model-files/spec';
import type { HardwareRecord } from '@plimsoll/registry';
import namesFile from '@plimsoll/registry/engines/benchmark-names.json' with { type: 'json' };
import { type RawRecord, type Resolver, textField } from '../engines/contract/log-record.ts';
import { modelNameCandidates } from '../gguf-recipes/model-name.ts';

/**
 * Returns the checkpoint that the notes name, since publishers leave different layers unquantised. Without a kernel for
 * its format, an engine falls back to one whose speed follows from nothing that a record states.
 */
export function publishedVariant(record: RawRecord, { vendor }: HardwareRecord): string | null {
  const named = /checkpoint variant "([^"]+)"/.exec(textField(record, 'notes') ?? '')?.[1];
  const variant = variants.get(`${textField(record, 'model')}, ${named}`);
  if (variant === undefined) return null;
  if (variant.vendors.includes(vendor)) return variant.model;
  throw new PlimsollError({
    code: 'no-kernel',
    message: `engines have no kernel for the weights of ${variant.model} on devices of ${vendor}`,
    value: variant.model,
    limit: `devices of ${variant.vendors.join(' or ')}`,
  });
}

const variants = new Map(Object.entries(namesFile.variants));
const names = new Map(Object.entries(namesFile.models).map(([name, id]) => [name.toLowerCase(), id]));

/**
 * Models by name, for each resolver: records repeat names, and an unknown spelling costs a search for similar names.
 */
const foundBefore = new WeakMap<Resolver, Map<string, ModelSpec>>();

export function benchmarkModel(name: string, resolver: Resolver): ModelSpec {
  const found = foundBefore.get(resolver) ?? new Map<string, ModelSpec>();
  foundBefore.set(resolver, found);
  const spec = found.get(name) ?? findModel(name, resolver);
  found.set(name, spec);
  return spec;
}

/**
 * Finds a model by its name, or by the name without the parts that benchmarks add: a mixture, a size in brackets, a
 * publisher. Throws the resolver's error if no spelling is known.
 */
function findModel(name: string, resolver: Resolver): ModelSpec {
  const bare = name
    .replace(/\s*\([\d.]+B\)$/i, '')
    .replace(/[\s-](MXFP4 )?MoE$/i, '')
    .replace(/-GGUF$/i, '')
    .replace(/-(UD-)?MLX-\d+bit$/i, '')
    .replace(/-(AWQ|GPTQ)(-(Int4|4bit))?$/i, '');
  const stem = bare.replace(/^[^/]+\//, '');
  const unquantised = stem.replace(/-(qat|it-qat)$/i, (suffix) => (suffix.includes('it') ? '-it' : ''));
  const candidates = [name, bare, stem, unquantised].flatMap((text) => modelNameCandidates(text));
  const spellings = [...new Set([name, ...candidates])];
  // Our own table comes first, because an unknown name costs the registry a search for similar names.
  for (const spelling of spellings) {
    const id = names.get(spelling.toLowerCase());
    if (id !== undefined) return resolver.model(id);
  }
  for (const spelling of spellings) {
    const known = attempt(() => resolver.model(spelling));
    if (known !== null) return known;
  }
  return resolver.model(name);
}
