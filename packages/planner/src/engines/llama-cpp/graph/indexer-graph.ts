/**
 * Lightning indexers (src/models/deepseek32.cpp, deepseek4.cpp; ggml_lightning_indexer): they score cached entries for every
 * token, and attention reads the best entries through a mask.
 */
import type { WorstCase } from './graph-inputs.ts';
import type { GraphOperations } from './graph-operations.ts';
import type { Element, GraphTensor } from './graph-tensor.ts';

interface Context {
  readonly operations: GraphOperations;
  readonly worst: WorstCase;
}

export interface Scored {
  /** [size, heads, tokens, streams] */
  readonly query: GraphTensor;
  /** [size, 1, entries, streams] */
  readonly key: GraphTensor;
  /** Weights of the heads, [heads, tokens, 1, streams]. */
  readonly weights: GraphTensor;
  readonly mask: GraphTensor;
}

/** Indices of the entries with the highest scores, [entries, tokens, 1, streams]. */
export function bestEntries(context: Context, scored: Scored, countMax: number): GraphTensor {
  const { graph } = context.operations;
  const scores = indexerScores(context, scored);
  const [entries, tokens, , streams] = scores.shape;
  const shape = [Math.min(entries, countMax), tokens, 1, streams];
  const best = graph.operation('other', [scores], shape, { element: 'i32' });
  return graph.operation('other', [best], shape, { element: 'i32' });
}

/** Without the fused operation the scores of all heads exist twice: that is most of a compute buffer. */
function indexerScores({ operations, worst }: Context, { query, key, weights, mask }: Scored): GraphTensor {
  const { graph } = operations;
  const [dim, heads, tokens, streams] = query.shape;
  const entries = key.shape[2];
  if (worst.rules.fusedIndexer) {
    return graph.operation('other', [query, key, weights, mask], [entries, tokens, 1, streams]);
  }
  const turned = graph.view(query, [dim, tokens, heads, streams], ' permuted');
  const keys = graph.view(key, [dim, entries, 1, streams], ' permuted');
  const products = graph.operation('multiply', [keys, turned], [entries, tokens, heads, streams]);
  const shape = [heads, tokens, entries, streams];
  const byHead = operations.contiguous(graph.view(products, shape, ' permuted'), shape);
  const weighted = operations.inPlace(operations.inPlace(byHead), weights);
  const sum = graph.operation('other', [weighted], [1, tokens, entries, streams]);
  const back = graph.view(sum, [entries, tokens, 1, streams], ' permuted');
  return operations.inPlace(operations.contiguous(back, [entries, tokens, 1, streams]), mask);
}

interface ChosenMask {
  readonly mask: GraphTensor;
  readonly chosen: GraphTensor;
  /** Type of the zeros that open the mask. */
  readonly zeroElement: Element;
}

/** The mask with all entries hidden except for the chosen ones. */
export function maskOfChosen(
  { graph }: GraphOperations,
  { mask, chosen, zeroElement }: ChosenMask,
): GraphTensor {
  const [entries, tokens, , streams] = mask.shape;
  const { element } = mask;
  const hidden = graph.operation('in-place', [mask], mask.shape, { element });
  const column = graph.view(hidden, [1, entries, tokens, streams], ' column');
  const indices = graph.view(chosen, [chosen.shape[0], tokens, streams]);
  const blank = graph.constant(zeroElement, 1, chosen.shape[0], tokens, streams);
  const zeros = graph.operation('in-place', [blank], blank.shape, { element: zeroElement });
  const opened = graph.view(graph.store(zeros, column, indices), mask.shape);
  return graph.operation('in-place', [opened, mask], mask.shape, { element });
}
