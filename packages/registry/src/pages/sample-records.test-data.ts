/** A small, valid set of records; each test breaks one field in it. */

type Json = Record<string, unknown>;

/** Path in the data directory -> record. Each call returns a new object: a test may change it. */
export function sampleRecords(): Record<string, Json> {
  return {
    'systems/memory.json': {
      id: 'system.memory',
      kind: 'system',
      slug: 'memory',
      aliases: ['serving memory', 'memory bandwidth'],
      tags: ['tag.capacity'],
      related: ['system.batching', 'glossary.kv-cache'],
      citations: ['citation.kwon-2023-pagedattention'],
    },
    'systems/batching.json': {
      id: 'system.batching',
      kind: 'system',
      slug: 'batching',
      aliases: [],
      tags: ['tag.capacity', 'tag.speed'],
      related: ['system.memory'],
      citations: ['citation.yu-2022-orca'],
    },
    'glossary/kv-cache.json': {
      id: 'glossary.kv-cache',
      kind: 'glossary',
      slug: 'kv-cache',
      aliases: ['key-value cache'],
      tags: ['tag.speed'],
      related: ['system.memory'],
      citations: ['citation.kwon-2023-pagedattention'],
    },
    'graphs/memory-system-flow.json': {
      id: 'graph.memory-system-flow',
      kind: 'graph',
      subject: 'system.memory',
      root: 'weights',
      nodes: ['weights', 'prefill', 'pressure'],
      edges: [
        { from: 'weights', to: 'prefill' },
        { from: 'prefill', to: 'pressure' },
        { from: 'pressure', to: 'prefill', kind: 'feedback' },
      ],
    },
    'tags/capacity.json': { id: 'tag.capacity', kind: 'tag', slug: 'capacity' },
    'tags/speed.json': { id: 'tag.speed', kind: 'tag', slug: 'speed' },
    'citations/kwon-2023-pagedattention.json': {
      id: 'citation.kwon-2023-pagedattention',
      kind: 'citation',
      form: 'paper',
      title: 'Efficient Memory Management for Large Language Model Serving with PagedAttention',
      authors: ['Woosuk Kwon', 'Zhuohan Li'],
      year: 2023,
      venue: 'SOSP 2023',
      url: 'https://arxiv.org/abs/2309.06180',
    },
    'citations/yu-2022-orca.json': {
      id: 'citation.yu-2022-orca',
      kind: 'citation',
      form: 'paper',
      title: 'Orca: A Distributed Serving System for Transformer-Based Generative Models',
      authors: ['Gyeong-In Yu'],
      year: 2022,
      venue: 'OSDI 2022',
      url: 'https://www.usenix.org/conference/osdi22/presentation/yu',
    },
  };
}
