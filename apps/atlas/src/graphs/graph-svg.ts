/**
 * Draws a graph record as a complete SVG: for readers without JavaScript, for paper, and for the time before the interactive
 * graph has loaded. The style sheet of the page sets its colors, so that it follows the theme.
 */
import type { GraphRecord } from '@plimsoll/registry/pages';
import { escapeHtml } from '../html/escape-html.ts';
import { arrowHead, pathOf, round } from './edge-strokes.ts';
import { layoutGraph, type NodeSize, type PlacedEdge, type Point } from './layered-layout.ts';
import { lineHeight, type NodeText, type NodeTextSizes, nodeText } from './node-text.ts';

/** Words of a graph, as the messages of a page have them. */
export interface GraphWords {
  readonly alt: string;
  readonly nodes?:
    | Readonly<Record<string, { readonly label: string; readonly note?: string | undefined }>>
    | undefined;
  readonly edges?: Readonly<Record<string, string>> | undefined;
}

/** Sizes of the picture that stays still: it is printed and read at its own width. */
const sizes: NodeTextSizes = { label: 14, note: 12, padding: 10 };
/** Box widths in pixels: alone in its row, and sharing a row. */
const boxWidth = { alone: 216, paired: 140 };

export function graphSvg(graph: GraphRecord, words: GraphWords): string {
  const textOf = (node: string, width: number): NodeText =>
    nodeText(words.nodes?.[node] ?? { label: node }, width, sizes);
  const sizeOf = (node: string, rowCount: number): NodeSize => {
    const width = rowCount > 1 ? boxWidth.paired : boxWidth.alone;
    return { width, height: textOf(node, width).height };
  };
  const layout = layoutGraph(graph, sizeOf);
  const nodes = layout.nodes.map(({ id, x, y, width, height }) => {
    const own = textOf(id, width);
    const lines = linesSvg(own, { x: x + width / 2, y: y + (height - own.height) / 2 + sizes.padding });
    const root = id === graph.root ? ' root' : '';
    return `<g class="node${root}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>${lines}</g>`;
  });
  const edges = layout.edges.map((edge) => edgeSvg(edge, words.edges?.[`${edge.from}->${edge.to}`]));
  return `<svg class="graph" role="img" aria-label="${escapeHtml(words.alt)}" viewBox="0 0 ${round(layout.width)} ${round(layout.height)}" style="max-width:${round(layout.width * 1.15)}px" xmlns="http://www.w3.org/2000/svg">${edges.join('')}${nodes.join('')}</svg>`;
}

function linesSvg({ label, note }: NodeText, { x, y }: Point): string {
  let top = y;
  const line = (words: string, size: number, kind: string): string => {
    const baseline = top + size;
    top += size * lineHeight;
    return `<text class="${kind}" x="${round(x)}" y="${round(baseline)}" font-size="${size}" text-anchor="middle">${escapeHtml(words)}</text>`;
  };
  return [
    ...label.map((words) => line(words, sizes.label, 'label')),
    ...note.map((words) => line(words, sizes.note, 'note')),
  ].join('');
}

function edgeSvg({ kind, points, label }: PlacedEdge, said: string | undefined): string {
  const head = `<polygon class="head" points="${arrowHead(points)}"/>`;
  const path = `<path class="line" d="${pathOf(points)}"/>${head}`;
  const turn = label.upright ? ` transform="rotate(-90 ${round(label.x)} ${round(label.y)})"` : '';
  const words =
    said === undefined
      ? ''
      : `<text class="words" x="${round(label.x)}" y="${round(label.y + sizes.note * 0.35)}" font-size="${sizes.note}" text-anchor="middle"${turn}>${escapeHtml(said)}</text>`;
  return `<g class="edge ${kind}">${path}${words}</g>`;
}
