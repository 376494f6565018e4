/** A graph as the interactive picture needs it: the places and lanes that the still picture gives it, and the words. */
import type { GraphRecord } from '@plimsoll/registry/pages';
import { type EdgeRoute, layoutGraph, type NodeSize } from '../../graphs/layered-layout.ts';
import { type NodeTextSizes, nodeText } from '../../graphs/node-text.ts';

export interface FlowNode extends NodeSize {
  readonly id: string;
  readonly x: number;
  readonly y: number;
  readonly label: string;
  readonly note: string;
  readonly isRoot: boolean;
}

export interface FlowEdge {
  readonly from: string;
  readonly to: string;
  readonly kind: 'flow' | 'feedback';
  readonly route: EdgeRoute;
  readonly text: string;
}

export interface FlowData {
  readonly nodes: readonly FlowNode[];
  readonly edges: readonly FlowEdge[];
  readonly alt: string;
  /** Size of the picture at which its letters have the sizes below. */
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

/** In pixels at zoom 1, and the same in graph.css: larger than on paper, so that a telephone can show it smaller. */
const sizes: NodeTextSizes = { label: 15, note: 14, padding: 10 };
/** Two boxes and two lanes in a row fit a telephone at the smallest zoom that stays readable. */
const boxWidth = { alone: 216, paired: 128 };

export function flowData(graph: GraphRecord, words: GraphWords): FlowData {
  const layout = layoutGraph(graph, (node, rowCount) => {
    const width = rowCount > 1 ? boxWidth.paired : boxWidth.alone;
    return { width, height: nodeText(words.nodes?.[node] ?? { label: node }, width, sizes).height };
  });
  return {
    alt: words.alt,
    width: Math.ceil(layout.width),
    height: Math.ceil(layout.height),
    nodes: layout.nodes.map(({ id, x, y, width, height }) => ({
      id,
      x,
      y,
      width,
      height,
      label: words.nodes?.[id]?.label ?? id,
      note: words.nodes?.[id]?.note ?? '',
      isRoot: id === graph.root,
    })),
    edges: layout.edges.map(({ from, to, kind, route }) => ({
      from,
      to,
      kind,
      route,
      text: words.edges?.[`${from}->${to}`] ?? '',
    })),
  };
}
