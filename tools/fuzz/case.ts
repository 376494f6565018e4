/**
 * Case number N of a seed: a fixture's model and a mutation of it. The same seed and number produce the same bytes on
 * every machine, so a report needs only these two numbers.
 */
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Random, randomInteger, seededRandom } from '@plimsoll/foundation/random';
import { damaged } from './byte-mutation.ts';
import { chance, pick } from './chance.ts';
import { encodeParts, mutateGguf, partsOf } from './gguf-mutation.ts';
import { mutateJson } from './json-mutation.ts';
import { oddModel } from './odd-model.ts';
import { mutatedSchema, mutateTemplate } from './program-mutation.ts';
import { encodeTensors, mutateTensors, tensorsOf } from './safetensors-mutation.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/engine');

export interface FuzzCase {
  readonly kind: string;
  /** Path of the mutated model. */
  readonly path: string;
  /** The fixture and the mutation. */
  readonly what: string;
  /** A schema that the answer must match. */
  readonly schemaPath?: string;
}

type Make = (directory: string, random: Random) => Promise<Omit<FuzzCase, 'kind'>>;

interface Kind {
  readonly name: string;
  /** Percentage of cases of this kind. */
  readonly share: number;
  readonly make: Make;
}

const ggufs = [
  'llama-3/f32.gguf',
  'llama-3/q4_0.gguf',
  'llama-3/q8_0.gguf',
  'llama-bias/f32.gguf',
  'llama-mha/f32.gguf',
  'mixtral/f16.gguf',
  'qwen2/f32.gguf',
  'qwen3/f16.gguf',
  'qwen3moe/f16.gguf',
  'gemma2/f32.gguf',
  'gemma3/bf16.gguf',
  'gemma4-dense/bf16.gguf',
  'gemma4-experts/f16.gguf',
  'gemma4-layer-inputs/f32.gguf',
  'phi3/f32.gguf',
  'phi3-longrope/f32.gguf',
];
/** The model that templates and schemas run with. */
const programFixture = 'llama-3/q8_0.gguf';
const checkpoints = [
  'llama-3',
  'mixtral',
  'qwen3moe',
  'gemma2',
  'gemma3',
  'gemma4-dense',
  'gemma4-experts',
  'gemma4-layer-inputs',
  'phi3',
  'phi3-longrope',
  'qwen2',
];
/** Approximate bytes of a fixture's GGUF header, and of a safetensors header. */
const headBytes = 12_000;

const kinds: readonly Kind[] = [
  { name: 'gguf', share: 50, make: changedGguf },
  { name: 'gguf-bytes', share: 14, make: damagedGguf },
  { name: 'odd-model', share: 8, make: madeOddModel },
  { name: 'config', share: 14, make: (directory, random) => changedJson(directory, random, 'config.json') },
  { name: 'safetensors', share: 9, make: changedSafetensors },
  { name: 'safetensors-bytes', share: 3, make: damagedSafetensors },
  {
    name: 'tokenizer',
    share: 8,
    make: (directory, random) => changedJson(directory, random, 'tokenizer.json'),
  },
  {
    name: 'tokenizer-config',
    share: 2,
    make: (directory, random) => changedJson(directory, random, 'tokenizer_config.json'),
  },
  { name: 'template', share: 3, make: changedTemplate },
  { name: 'schema', share: 5, make: changedSchema },
];

export const kindNames: readonly string[] = kinds.map(({ name }) => name);

/** Writes case `number` of a seed into an empty directory. */
export async function makeCase(seed: number, number: number, directory: string): Promise<FuzzCase> {
  // Near seeds give unrelated streams; the multiplier keeps the cases of near seeds apart.
  const random = seededRandom(Math.imul(seed, 0x9e3779b1) + number);
  let left = randomInteger(
    random,
    0,
    kinds.reduce((sum, { share }) => sum + share, 0),
  );
  const kind = kinds.find(({ share }) => {
    left -= share;
    return left < 0;
  });
  const { name, make } = kind ?? pick(random, kinds);
  return { kind: name, ...(await make(directory, random)) };
}

/** Returns the number of mutations, usually 1. Several mutations reach code that a single early mutation does not. */
function times(random: Random): number {
  return chance(random, 0.75) ? 1 : randomInteger(random, 2, 5);
}

function described(fixture: string, changes: readonly string[]): string {
  return `${fixture}: ${changes.join('; ')}`;
}

async function changedGguf(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const fixture = pick(random, ggufs);
  const parts = partsOf(await bytesOf(fixture));
  const changes = Array.from({ length: times(random) }, () => mutateGguf(parts, random));
  const path = join(directory, basename(fixture));
  await writeFile(path, encodeParts(parts));
  return { path, what: described(fixture, changes) };
}

async function madeOddModel(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const { parts, what } = oddModel(partsOf(await bytesOf('llama-3/f32.gguf')), random);
  const path = join(directory, 'odd.gguf');
  await writeFile(path, encodeParts(parts));
  return { path, what };
}

async function damagedGguf(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const fixture = pick(random, ggufs);
  const path = join(directory, basename(fixture));
  const { bytes, what } = damagedTimes(await bytesOf(fixture), random);
  await writeFile(path, bytes);
  return { path, what: described(fixture, what) };
}

function damagedTimes(whole: Uint8Array, random: Random): { bytes: Uint8Array; what: readonly string[] } {
  const what: string[] = [];
  let bytes = whole;
  for (let left = times(random); left > 0 && bytes.length > 16; left--) {
    const damage = damaged(bytes, headBytes, random);
    bytes = damage.bytes;
    what.push(damage.what);
  }
  return { bytes, what };
}

/** Copies a checkpoint, so that a case can change one of its files. */
async function checkpoint(directory: string, random: Random): Promise<{ name: string; path: string }> {
  const name = pick(random, checkpoints);
  const path = join(directory, name);
  await mkdir(path);
  await cp(join(fixtures, name, 'checkpoint'), path, { recursive: true });
  return { name, path };
}

async function changedJson(directory: string, random: Random, file: string): Promise<Omit<FuzzCase, 'kind'>> {
  const { name, path } = await checkpoint(directory, random);
  const value: unknown = JSON.parse(await readFile(join(path, file), 'utf8'));
  const changes = Array.from({ length: times(random) }, () => mutateJson(value, random));
  await writeFile(join(path, file), JSON.stringify(value));
  return { path, what: described(`${name}/${file}`, changes) };
}

async function changedSafetensors(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const { name, path } = await checkpoint(directory, random);
  const file = join(path, 'model.safetensors');
  const tensors = tensorsOf(new Uint8Array(await readFile(file)));
  const changes = Array.from({ length: times(random) }, () => mutateTensors(tensors, random));
  await writeFile(file, encodeTensors(tensors));
  return { path, what: described(`${name}/model.safetensors`, changes) };
}

async function damagedSafetensors(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const { name, path } = await checkpoint(directory, random);
  const file = join(path, 'model.safetensors');
  const { bytes, what } = damagedTimes(new Uint8Array(await readFile(file)), random);
  await writeFile(file, bytes);
  return { path, what: described(`${name}/model.safetensors`, what) };
}

/** Templates of published models. */
const templatesPath = join(import.meta.dirname, '../../fixtures/chat-templates.json');

async function changedTemplate(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const fixture: { templates: readonly { readonly name: string; readonly template: string }[] } = JSON.parse(
    await readFile(templatesPath, 'utf8'),
  );
  const { name, template } = pick(random, fixture.templates);
  let source = template;
  for (let left = times(random); left > 0; left--) source = mutateTemplate(source, random);
  const parts = partsOf(await bytesOf(programFixture));
  parts.metadata.push(['tokenizer.chat_template', { type: 'string', value: source }]);
  const path = join(directory, basename(programFixture));
  await writeFile(path, encodeParts(parts));
  return { path, what: `the template of ${name}: ${JSON.stringify(source.slice(0, 200))}` };
}

async function changedSchema(directory: string, random: Random): Promise<Omit<FuzzCase, 'kind'>> {
  const { schema, what } = mutatedSchema(random);
  const schemaPath = join(directory, 'schema.json');
  await writeFile(schemaPath, JSON.stringify(schema));
  return { path: join(fixtures, programFixture), schemaPath, what: `a schema: ${what}` };
}

const kept = new Map<string, Uint8Array>();

async function bytesOf(fixture: string): Promise<Uint8Array> {
  const known = kept.get(fixture) ?? new Uint8Array(await readFile(join(fixtures, fixture)));
  kept.set(fixture, known);
  return known;
}
