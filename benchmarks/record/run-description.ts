/** Describes a benchmark's machine, sources and command. */
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

export interface RunDescription {
  readonly command: string;
  readonly date: string;
  readonly commit: string;
  readonly machine: {
    readonly processor: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly platform: string;
    readonly node: string;
    /**
     * Mean number of processes that wanted a core in the previous minute: above a few tenths, the machine had other
     * load.
     */
    readonly load: number;
  };
}

export function describeRun(name: string, options: readonly string[]): RunDescription {
  const processors = cpus();
  return {
    command: [`npm run bench -- ${name}`, ...options].join(' '),
    date: new Date().toISOString().slice(0, 10),
    commit: commitName(),
    machine: {
      processor: processors[0]?.model.trim() ?? 'unknown',
      cores: processors.length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      platform: `${process.platform} ${process.arch}`,
      node: process.version,
      load: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    },
  };
}

/** Formats the head of a report in Markdown. */
export function runLines({ machine, command, commit }: RunDescription): string {
  return `- Command: \`${command}\`\n- Commit: ${commit} (a plus sign: with changes not committed)\n- Machine: ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node ${machine.node}, load ${machine.load} before the run`;
}

/** Short hash, with a plus sign if the sources differ from the commit. */
function commitName(): string {
  try {
    const git = (...words: string[]): string => execFileSync('git', words, { encoding: 'utf8' }).trim();
    const changed = git(
      'status',
      '--porcelain',
      '--untracked-files=no',
      '--',
      'packages',
      'apps',
      'benchmarks',
    );
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}
