/**
 * Lays the messages of a second locale over English. A key that the locale lacks shows English and is counted; a key that
 * English lacks is a mistake. A list of paragraphs is translated as a whole or not at all.
 */
import { type ContentProblem, nearestHint } from '@plimsoll/registry/pages';

export interface MergedMessages {
  /** English with the locale's words in place of its own. */
  readonly merged: unknown;
  /** Keys that fell back to English. */
  readonly missing: readonly string[];
  readonly problems: readonly ContentProblem[];
}

/** Both are parsed JSON; `file` is the locale's, for its problems. */
export function mergeMessages(english: unknown, locale: unknown, file: string): MergedMessages {
  const missing: string[] = [];
  const problems: ContentProblem[] = [];
  const merge = (base: unknown, own: unknown, key: string): unknown => {
    if (!isTable(base)) return own;
    if (!isTable(own)) {
      problems.push({ file, key, problem: 'is a table of texts in English' });
      return base;
    }
    for (const name of Object.keys(own)) {
      if (Object.hasOwn(base, name)) continue;
      problems.push({
        file,
        key: join(key, name),
        problem: `unknown key${nearestHint(name, Object.keys(base))}`,
      });
    }
    const entries = Object.entries(base).map(([name, value]) => {
      if (Object.hasOwn(own, name)) return [name, merge(value, own[name], join(key, name))];
      missing.push(...leafKeys(value, join(key, name)));
      return [name, value];
    });
    return Object.fromEntries(entries);
  };
  return { merged: merge(english, locale, ''), missing, problems };
}

function leafKeys(value: unknown, key: string): readonly string[] {
  if (!isTable(value)) return [key];
  return Object.entries(value).flatMap(([name, inner]) => leafKeys(inner, join(key, name)));
}

function join(key: string, name: string): string {
  return key === '' ? name : `${key}.${name}`;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
