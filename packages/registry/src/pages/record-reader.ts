/** Reads the atlas's records from their folders, such as `systems/memory.json`. Collects every problem. */
import type { z } from 'zod';
import type { ContentProblem } from '../content-problem.ts';
import { nearestHint } from '../nearest-name.ts';
import { parseContent } from '../schema-problems.ts';
import type { TextFiles } from '../text-files.ts';
import {
  type CitationRecord,
  citationSchema,
  type GraphRecord,
  graphSchema,
  type PageRecord,
  pageRecordSchema,
  type TagRecord,
  tagSchema,
} from './record-schema.ts';
import { pageFolders } from './routes.ts';

/** A record and its file, which its problems name. */
export interface Filed<Value> {
  readonly file: string;
  readonly record: Value;
}

export interface AtlasRecords {
  /** By id: `system.memory`. */
  readonly pages: ReadonlyMap<string, Filed<PageRecord>>;
  readonly graphs: ReadonlyMap<string, Filed<GraphRecord>>;
  readonly tags: ReadonlyMap<string, Filed<TagRecord>>;
  readonly citations: ReadonlyMap<string, Filed<CitationRecord>>;
}

/** Returns the valid records and the problems of the others. */
export function readAtlasRecords(files: TextFiles): {
  readonly records: AtlasRecords;
  readonly problems: readonly ContentProblem[];
} {
  const problems: ContentProblem[] = [];
  const read = <Schema extends z.ZodType<{ readonly id: string }>>(
    folder: string,
    kind: string,
    schema: Schema,
  ): readonly (readonly [string, Filed<z.output<Schema>>])[] => {
    const found = readFolder(files, { folder, kind, schema });
    problems.push(...found.problems);
    return found.records.map((filed) => [filed.record.id, filed]);
  };
  const pages = Object.entries(pageFolders).flatMap(([folder, kind]) => read(folder, kind, pageRecordSchema));
  const records = {
    pages: new Map(pages),
    graphs: new Map(read('graphs', 'graph', graphSchema)),
    tags: new Map(read('tags', 'tag', tagSchema)),
    citations: new Map(read('citations', 'citation', citationSchema)),
  };
  return { records, problems };
}

function readFolder<Schema extends z.ZodType<{ readonly id: string }>>(
  files: TextFiles,
  kind: { readonly folder: string; readonly kind: string; readonly schema: Schema },
): { readonly records: readonly Filed<z.output<Schema>>[]; readonly problems: readonly ContentProblem[] } {
  const records: Filed<z.output<Schema>>[] = [];
  const problems: ContentProblem[] = [];
  const paths = files.paths.filter((path) => path.startsWith(`${kind.folder}/`));
  for (const path of paths) {
    const file = `${files.root}/${path}`;
    const name = /^[^/]+\/([^/]+)\.json$/.exec(path)?.[1];
    if (name === undefined) {
      problems.push({ file, key: '', problem: `${kind.folder} holds records: <slug>.json` });
      continue;
    }
    const parsed = parseContent(kind.schema, { file, text: files.read(path) });
    problems.push(...parsed.problems);
    if (parsed.value === undefined) continue;
    const expected = `${kind.kind}.${name}`;
    if (parsed.value.id === expected) records.push({ file, record: parsed.value });
    else {
      const hint = nearestHint(parsed.value.id, [expected]);
      problems.push({ file, key: 'id', problem: `"${parsed.value.id}" does not belong in this file${hint}` });
    }
  }
  return { records, problems };
}
