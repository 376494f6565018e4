/** The basis of the numbers: fitted constants, derivations, omissions, and the sources of the records. */
import { fittedConstants } from './fitted-constants.ts';
import { type RawRecord, textOf } from './log-file.ts';
import { table } from './markdown.ts';

const derived = `- **Weights**: the bytes of every tensor of the checkpoint in its own type, scales and zero points included; matrices fused and the vocabulary padded as the loader does; rotary tables; absorbed copies of latent attention; padding of mxfp4 experts; each tensor rounded as the CUDA caching allocator rounds it.
- **Available cache**: utilisation x memory - weights - activation peak - what lies outside the allocator - CUDA graphs (from 0.20). The activation peak is the larger of the forward pass over the token budget and the sampler's dry run, written out tensor by tensor.
- **Tokens, blocks, concurrency**: pages per layer, groups of layers that cache alike, one block size for hybrid models, and each release's own arithmetic for what it prints.
- **SGLang**: the share of the memory before the load by release and card, minus the loaded weights; cells of every layer, pools of windowed layers and of recurrent state, drafts, the request table, pages.
- **TensorRT-LLM**: the share of the memory that the estimation pass leaves, in whole blocks; the pass itself is first order.
- **llama.cpp**: type of every tensor by the quantiser's own rules, cells and padding of every cache, the worst-case graph with its allocator, splits and host buffers, by build number.`;

const omitted = `- Other processes on a device, and what an operating system keeps of unified memory.
- Drafters of their own (EAGLE, DFlash, assistants) that a record does not describe; multi-token prediction only where it is named.
- Host memory of KV connectors of vLLM, and full graphs of its drafters.
- Towers whose patches the config does not state, and frames of videos beside the largest image in V1.
- SGLang's experts in host memory, caches in host memory (HiCache), and builds from branches.
- TensorRT-LLM's built engines, recurrent state, drafts, and one pool per window size.
- Releases of vLLM before 0.4 beyond their block arithmetic, and regressions of single releases.
- llama.cpp: buffers of reductions between devices under --split-mode tensor, EAGLE3 and DFlash drafters, images larger than that of the warm-up, forks' own tensor types.
- Fragmentation, and memory that grows while an engine runs.`;

export function modelSection(): string {
  const constants = fittedConstants();
  return [
    '## What the numbers rest on',
    '### Derived',
    derived,
    '### Fitted',
    `${constants.length} constants of packages/registry/data/engines are measured, because no source states them. Each names its points:`,
    table(
      ['constant', 'value', 'points'],
      constants.map(({ file, path, value, points }) => [
        `${file} \`${path}\``,
        escapePipes(value),
        escapePipes(points),
      ]),
    ),
    '### Not modelled',
    omitted,
  ].join('\n\n');
}

function escapePipes(text: string): string {
  return text.replaceAll('|', '\\|');
}

export interface SourceGroup {
  readonly title: string;
  readonly records: readonly RawRecord[];
}

export function sourceSection(groups: readonly SourceGroup[]): string {
  const lists = groups
    .filter(({ records }) => records.length > 0)
    .map(({ title, records }) => {
      const counted = [...Map.groupBy(records, sourceName)].map(([name, found]) => ({
        name,
        count: found.length,
      }));
      const lines = counted.sort((a, b) => b.count - a.count).map(({ name, count }) => `- ${name}: ${count}`);
      return `### ${title}\n\n${lines.join('\n')}`;
    });
  return [
    '## Where the records are from',
    "The record files are not part of this repository: they quote other people's logs. Each record holds the inputs of one start-up or benchmark, what was printed, a quotation and its public source. The number of records per source:",
    ...lists,
  ].join('\n\n');
}

/** Benchmarks cite a file of a repository at a commit; this list names only the repository. */
function sourceName(record: RawRecord): string {
  const source = textOf(record, 'source') ?? 'not recorded';
  if (source.startsWith('UNATTRIBUTED')) return 'public repositories that the record does not name';
  const [address] = /^https?:\S+/.exec(source) ?? [];
  if (address !== undefined) return `<${address}>`;
  const repository = /^([\w.-]+\/[\w.-]+)[:@]/.exec(source)?.[1];
  return repository === undefined ? source.replace(/\s*\(.*\)$/, '') : `<https://github.com/${repository}>`;
}
