/**
 * How far a build of the site is, read from what Astro prints while it works. Astro prints one line for each page, and the
 * pages take most of the time, so that their number tells how long the rest will take.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { listHardware, listModels } from '@plimsoll/registry';

/** In the order of their work, with the words of Astro that begin each. */
const stages = [
  { name: 'reading records and pages', beginsWith: /^/ },
  { name: 'bundling scripts and styles', beginsWith: /Building static entrypoints/ },
  { name: 'writing pages', beginsWith: /generating static routes/ },
] as const;
const pageLine = /[├└]─ \S+\.html /;

/** Below this, the time that the first pages took says too little about the others. */
const pagesForEstimate = 10;

/** Reads the output line by line. `secondsNow` is a clock, such as that of `performance`, in seconds. */
export class BuildProgress {
  readonly #pagesExpected: number;
  readonly #secondsNow: () => number;
  readonly #start: number;
  #stage = 0;
  #stageStart: number;
  #pages = 0;

  constructor({ pagesExpected, secondsNow }: { pagesExpected: number; secondsNow: () => number }) {
    this.#pagesExpected = pagesExpected;
    this.#secondsNow = secondsNow;
    this.#start = secondsNow();
    this.#stageStart = this.#start;
  }

  /** Returns true when a stage begins with this line. */
  read(line: string): boolean {
    if (pageLine.test(line)) this.#pages++;
    if (stages[this.#stage + 1]?.beginsWith.test(line) !== true) return false;
    this.#stage++;
    this.#stageStart = this.#secondsNow();
    return true;
  }

  /** `  12 s  3 of 3: writing pages, 240 of about 480, about 11 s left` */
  text(): string {
    const now = this.#secondsNow();
    const elapsed = String(Math.round(now - this.#start)).padStart(4);
    const head = `${elapsed} s  ${this.#stage + 1} of ${stages.length}: ${stages[this.#stage]?.name}`;
    if (this.#pages === 0) return head;
    const expected = Math.max(this.#pagesExpected, this.#pages);
    const pages = `${head}, ${this.#pages} of about ${expected}`;
    if (this.#pages < pagesForEstimate) return pages;
    const left = ((now - this.#stageStart) / this.#pages) * (expected - this.#pages);
    return `${pages}, about ${Math.ceil(left)} s left`;
  }
}

/** How many pages the site will have: models, devices, content and tags, without the few lists of them. */
export function pagesExpected(root: string): number {
  const content = filesNamed(join(root, 'apps/atlas/src/content/docs'), 'page.mdx');
  const tags = filesNamed(join(root, 'packages/registry/data/tags'), '.json');
  return listModels().length + listHardware().length + content + tags;
}

function filesNamed(folder: string, ending: string): number {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).length;
}
