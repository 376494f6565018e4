/**
 * A graph record as an SVG that stands by itself: for readers without JavaScript, for paper, and before the interactive
 * graph has loaded. Colours come from the style sheet of the page, so that it follows the theme.
 */
import type { GraphRecord } from '@plimsoll/registry/pages';
import { escapeHtml } from '../rendering/html.ts';
import { layoutGraph, type NodeSize, type PlacedEdge, type Point } from './layered-layout.ts';

/** Words of a graph, as the messages of a page have them. */
export interface GraphWords {
  readonly alt: string;
  readonly nodes?:
    | Readonly<Record<string, { readonly label: string; readonly note?: string | undefined }>>
    | undefined;
  readonly edges?: Readonly<Record<string, string>> | undefined;
}

const labelSize = 14;
const noteSize = 12;
const lineHeight = 1.3;
const padding = 10;
/** A box alone in its row, and beside another. */
const boxWidth = { alone: 216, paired: 140 };
/** Widths of letters differ; this is a generous mean for proportional fonts, so that text stays in its box. */
const letterWidth = 0.56;

export function graphSvg(graph: GraphRecord, words: GraphWords): string {
  const textOf = (node: string, width: number): NodeText =>
    nodeText(words.nodes?.[node] ?? { label: node }, width);
  const sizeOf = (node: string, rowCount: number): NodeSize => {
    const width = rowCount > 1 ? boxWidth.paired : boxWidth.alone;
    return { width, height: textOf(node, width).height };
  };
  const layout = layoutGraph(graph, sizeOf);
  const nodes = layout.nodes.map(({ id, x, y, width, height }) => {
    const text = textOf(id, width);
    const lines = linesSvg(text, { x: x + width / 2, y: y + (height - text.height) / 2 + padding });
    const root = id === graph.root ? ' root' : '';
    return `<g class="node${root}"><rect x="${x}" y="${y}" width="${width}" height="${height}" rx="4"/>${lines}</g>`;
  });
  const edges = layout.edges.map((edge) => edgeSvg(edge, words.edges?.[`${edge.from}->${edge.to}`]));
  return `<svg class="graph" role="img" aria-label="${escapeHtml(words.alt)}" viewBox="0 0 ${round(layout.width)} ${round(layout.height)}" style="max-width:${round(layout.width * 1.15)}px" xmlns="http://www.w3.org/2000/svg">${edges.join('')}${nodes.join('')}</svg>`;
}

interface NodeText {
  readonly label: readonly string[];
  readonly note: readonly string[];
  readonly height: number;
}

function nodeText(
  { label, note }: { readonly label: string; readonly note?: string | undefined },
  width: number,
): NodeText {
  const room = width - 2 * padding;
  const labelLines = wrap(label, room / (labelSize * letterWidth));
  const noteLines = note === undefined ? [] : wrap(note, room / (noteSize * letterWidth));
  const text = (labelLines.length * labelSize + noteLines.length * noteSize) * lineHeight;
  return { label: labelLines, note: noteLines, height: Math.round(text + 2 * padding) };
}

/** Lines of at most so many letters; a longer word stands alone. */
function wrap(text: string, letters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= letters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function linesSvg({ label, note }: NodeText, { x, y }: Point): string {
  let top = y;
  const line = (text: string, size: number, kind: string): string => {
    const baseline = top + size;
    top += size * lineHeight;
    return `<text class="${kind}" x="${round(x)}" y="${round(baseline)}" font-size="${size}" text-anchor="middle">${escapeHtml(text)}</text>`;
  };
  return [
    ...label.map((text) => line(text, labelSize, 'label')),
    ...note.map((text) => line(text, noteSize, 'note')),
  ].join('');
}

function edgeSvg({ kind, points, label }: PlacedEdge, text: string | undefined): string {
  const path = `<path class="line" d="${pathOf(points)}"/>${arrowHead(points)}`;
  const turn = label.upright ? ` transform="rotate(-90 ${round(label.x)} ${round(label.y)})"` : '';
  const words =
    text === undefined
      ? ''
      : `<text class="words" x="${round(label.x)}" y="${round(label.y + noteSize * 0.35)}" font-size="${noteSize}" text-anchor="middle"${turn}>${escapeHtml(text)}</text>`;
  return `<g class="edge ${kind}">${path}${words}</g>`;
}

const cornerRadius = 8;

/** Straight between two points; around corners with a small arc. */
function pathOf(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (first === undefined) return '';
  let path = `M${round(first.x)} ${round(first.y)}`;
  for (const [index, point] of rest.entries()) {
    const next = rest[index + 1];
    const before = points[index] ?? first;
    if (next === undefined) path += `L${round(point.x)} ${round(point.y)}`;
    else {
      const enter = towards(point, before, cornerRadius);
      const leave = towards(point, next, cornerRadius);
      path += `L${round(enter.x)} ${round(enter.y)}Q${round(point.x)} ${round(point.y)} ${round(leave.x)} ${round(leave.y)}`;
    }
  }
  return path;
}

const headLength = 8;
const headWidth = 7;

/** A triangle at the end, turned along the last stretch. */
function arrowHead(points: readonly Point[]): string {
  const tip = points.at(-1);
  const before = points.at(-2);
  if (tip === undefined || before === undefined) return '';
  const base = towards(tip, before, headLength);
  const across = {
    x: (-(tip.y - base.y) / headLength) * (headWidth / 2),
    y: ((tip.x - base.x) / headLength) * (headWidth / 2),
  };
  const corners = [
    tip,
    { x: base.x + across.x, y: base.y + across.y },
    { x: base.x - across.x, y: base.y - across.y },
  ];
  return `<polygon class="head" points="${corners.map(({ x, y }) => `${round(x)},${round(y)}`).join(' ')}"/>`;
}

/** The point `distance` away from `from` in the direction of `to`, or halfway where they are nearer. */
function towards(from: Point, to: Point, distance: number): Point {
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const share = length === 0 ? 0 : Math.min(distance, length / 2) / length;
  return { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
