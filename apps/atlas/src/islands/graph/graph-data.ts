/** A graph as the interactive picture needs it: the places that the still picture gives its nodes, and the words. */
import type { GraphRecord } from '@plimsoll/registry/pages';
import { layoutGraph, type NodeSize } from '../../graphs/layered-layout.ts';

export interface FlowNode extends NodeSize {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly note: string;
}

export interface FlowEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'flow' | 'feedback';
  readonly text: string;
}

export interface FlowData {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
  readonly alt: string;
  /** Height over width of the picture, so that nothing on the page moves when it becomes interactive. */
  readonly height: number;
  readonly width: number;
}

interface GraphWords {
  readonly alt: string;
  readonly nodes?:
    | Readonly<Record<string, { readonly label: string; readonly note?: string | undefined }>>
    | undefined;
  readonly edges?: Readonly<Record<string, string>> | undefined;
}

/** Wider apart than on paper: edges bend here, and a reader may move things. */
const spread = { x: 1.25, y: 1.3 } as const;

export function flowData(graph: GraphRecord, words: GraphWords): FlowData {
  const layout = layoutGraph(graph, (_, rowCount) => ({ width: rowCount > 1 ? 150 : 210, height: 64 }));
  return {
    alt: words.alt,
    width: Math.round(layout.width * spread.x),
    height: Math.round(layout.height * spread.y),
    nodes: layout.nodes.map(({ id, x, y, width, height }) => ({
      id,
      x: Math.round(x * spread.x),
      y: Math.round(y * spread.y),
      width,
      height,
      label: words.nodes?.[id]?.label ?? id,
      note: words.nodes?.[id]?.note ?? '',
    })),
    edges: graph.edges.map(({ from, to, kind = 'flow' }) => ({
      from,
      to,
      kind,
      text: words.edges?.[`${from}->${to}`] ?? '',
    })),
  };
}
