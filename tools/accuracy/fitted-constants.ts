/** Lists every constant of an engine profile that was fitted to logs, with its points. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, '../../packages/registry/data/engines');

export interface FittedConstant {
  readonly file: string;
  /** Keys from the top of the file: `nonTorch.rows[3]`. */
  readonly path: string;
  readonly value: string;
  readonly points: string;
}

export function fittedConstants(): readonly FittedConstant[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .sort()
    .flatMap((file) => collect(file, '', JSON.parse(readFileSync(join(folder, file), 'utf8'))));
}

function collect(file: string, path: string, value: unknown): readonly FittedConstant[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => collect(file, `${path}[${index}]`, item));
  }
  if (typeof value !== 'object' || value === null) return [];
  const own =
    'fitted' in value && typeof value.fitted === 'string'
      ? [{ file, path, value: plainFields(value), points: value.fitted }]
      : [];
  const inner = Object.entries(value).flatMap(([key, item]) =>
    collect(file, path === '' ? key : `${path}.${key}`, item),
  );
  return [...own, ...inner];
}

function plainFields(value: object): string {
  return Object.entries(value)
    .filter(([key, item]) => key !== 'fitted' && ['number', 'string', 'boolean'].includes(typeof item))
    .map(([key, item]) => `${key} ${item}`)
    .join(', ');
}

/** Addresses of the logs that fitted constants name as their origin. */
export function fittedSources(): ReadonlySet<string> {
  const text = readFileSync(join(folder, 'vllm.json'), 'utf8');
  return new Set([...text.matchAll(/"url":\s*"([^"]+)"/g)].map((match) => match[1] ?? ''));
}
