/**
 * Places a graph record on a narrow canvas, top to bottom, for telephones and paper. Layers follow the flow: a node is below
 * every node that leads to it. Edges that are feedback or skip a layer run in the gutters, each in a lane of its own, so that
 * no line crosses a box. The layout is pure: the same graph gives the same picture.
 *
 *   left gutter |  node   node  | right gutter
 *   long flow   |      node     | feedback
 */
import { assert, defined } from '@plimsoll/foundation';
import type { GraphRecord } from '@plimsoll/registry/pages';

export interface NodeSize {
  readonly width: number;
  readonly height: number;
}

export interface PlacedNode extends NodeSize {
  readonly id: string;
  /** Upper left corner. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge extends EdgePath {
  readonly from: string;
  readonly to: string;
  readonly kind: 'flow' | 'feedback';
  readonly route: EdgeRoute;
}

/** How an edge goes, wherever its boxes are: straight down between two places of their sides, or along a lane. */
export type EdgeRoute =
  | {
      readonly kind: 'direct';
      /** Place on the foot of one box and the head of the other, as a share of their widths. */
      readonly fromShare: number;
      readonly toShare: number;
    }
  | { readonly kind: 'lane'; readonly side: Side; readonly x: number };

export interface EdgePath {
  readonly points: readonly Point[];
  /** Middle of its words, and whether they run along a vertical line. */
  readonly label: Point & { readonly upright: boolean };
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

type Edge = GraphRecord['edges'][number];

const nodesPerRowMax = 2;
const columnGap = 20;
/** Between rows: an arrow and its words. */
const rowGap = 48;
const laneWidth = 22;
const gutterPadding = 10;
const margin = 2;

export function layoutGraph(
  graph: Pick<GraphRecord, 'nodes' | 'edges' | 'root'>,
  sizeOf: (node: string, rowCount: number) => NodeSize,
): GraphLayout {
  const rows = rowsOf(graph);
  const rowOf = new Map(rows.flatMap((row, index) => row.map((node) => [node, index] as const)));
  const between = (edge: Edge): number =>
    defined(rowOf.get(edge.to), `no row has ${edge.to}`) -
    defined(rowOf.get(edge.from), `no row has ${edge.from}`);
  const isDirect = (edge: Edge): boolean => edge.kind !== 'feedback' && between(edge) === 1;
  const lanes = assignLanes(
    graph.edges.filter((edge) => !isDirect(edge)),
    rowOf,
  );
  const gutter = (side: Side): number => {
    const count = Math.max(0, ...lanes.filter((lane) => lane.side === side).map(({ index }) => index + 1));
    return count === 0 ? margin : gutterPadding + count * laneWidth;
  };
  const placed = placeRows(rows, sizeOf, gutter('left'));
  const width = gutter('left') + placed.width + gutter('right');
  const boxOf = new Map(placed.nodes.map((node) => [node.id, node]));
  const box = (id: string): PlacedNode => defined(boxOf.get(id), `${id} was not placed`);
  const laneRoute = ({ side, index }: Lane): EdgeRoute => {
    const offset = gutterPadding + (index + 0.5) * laneWidth;
    const x = side === 'left' ? gutter('left') - offset : width - gutter('right') + offset;
    return { kind: 'lane', side, x };
  };
  const edges = graph.edges.map((edge): PlacedEdge => {
    const { from, to, kind = 'flow' } = edge;
    const lane = lanes.find((candidate) => candidate.edge === edge);
    const ends = { from: box(from), to: box(to) };
    const route = lane === undefined ? directRoute(edge, graph.edges) : laneRoute(lane);
    return { from, to, kind, route, ...routePath(ends, route) };
  });
  return { width, height: placed.height, nodes: placed.nodes, edges };
}

/** A node's layer is its longest path from the root along the flow. A row has at most two nodes. */
function rowsOf({ nodes, edges, root }: Pick<GraphRecord, 'nodes' | 'edges' | 'root'>): readonly string[][] {
  const flow = edges.filter(({ kind }) => kind !== 'feedback');
  const depth = new Map<string, number>();
  // A node deeper than there are nodes lies on a circle of flow edges; records mark one of those as feedback.
  const visit = (node: string, level: number): void => {
    assert(level <= nodes.length, `the flow through ${node} runs in a circle: one of its edges is feedback`);
    if ((depth.get(node) ?? -1) >= level) return;
    depth.set(node, level);
    for (const { from, to } of flow) if (from === node) visit(to, level + 1);
  };
  visit(root, 0);
  for (const node of nodes) if (!depth.has(node)) visit(node, 0);
  const levels = [...new Set(depth.values())].sort((left, right) => left - right);
  return levels.flatMap((level) => {
    const members = nodes.filter((node) => depth.get(node) === level);
    const rows: string[][] = [];
    for (let index = 0; index < members.length; index += nodesPerRowMax) {
      rows.push(members.slice(index, index + nodesPerRowMax));
    }
    return rows;
  });
}

type Side = 'left' | 'right';

interface Lane {
  readonly edge: Edge;
  readonly side: Side;
  /** Place in its gutter; 0 is next to the nodes. */
  readonly index: number;
}

/** Shorter edges take lanes nearer to the nodes; two edges share a lane where their rows do not meet. */
function assignLanes(edges: readonly Edge[], rowOf: ReadonlyMap<string, number>): readonly Lane[] {
  const taken: Record<Side, (readonly [number, number])[][]> = { left: [], right: [] };
  const spans = edges.map((edge) => {
    const ends = [rowOf.get(edge.from) ?? 0, rowOf.get(edge.to) ?? 0];
    return { edge, top: Math.min(...ends), bottom: Math.max(...ends) };
  });
  spans.sort((left, right) => left.bottom - left.top - (right.bottom - right.top));
  return spans.map(({ edge, top, bottom }) => {
    const side: Side = edge.kind === 'feedback' ? 'right' : 'left';
    const lanes = taken[side];
    const isFree = (spansInLane: readonly (readonly [number, number])[]): boolean =>
      spansInLane.every(([first, last]) => bottom < first || top > last);
    const free = lanes.findIndex(isFree);
    const index = free < 0 ? lanes.length : free;
    lanes[index] = [...(lanes[index] ?? []), [top, bottom]];
    return { edge, side, index };
  });
}

function placeRows(
  rows: readonly (readonly string[])[],
  sizeOf: (node: string, rowCount: number) => NodeSize,
  left: number,
): { readonly nodes: readonly PlacedNode[]; readonly width: number; readonly height: number } {
  const sized = rows.map((row) => row.map((id) => ({ id, ...sizeOf(id, row.length) })));
  const rowWidth = (row: readonly NodeSize[]): number =>
    row.reduce((total, { width }) => total + width, columnGap * (row.length - 1));
  const width = Math.max(...sized.map(rowWidth));
  const nodes: PlacedNode[] = [];
  let y = margin;
  for (const row of sized) {
    const height = Math.max(...row.map((node) => node.height));
    let x = left + (width - rowWidth(row)) / 2;
    for (const node of row) {
      // Boxes of a row are equally high, so that arrows begin and end on one line.
      nodes.push({ ...node, height, x, y });
      x += node.width + columnGap;
    }
    y += height + rowGap;
  }
  return { nodes, width, height: y - rowGap + margin };
}

/** A box and its place: from the layout, or where a reader moved it. */
export type Box = NodeSize & Point;

interface Ends {
  readonly from: Box;
  readonly to: Box;
}

/** Runs from the foot of one box to the head of the box below, clear of other arrows at these boxes. */
function directRoute({ from, to }: Edge, edges: readonly Edge[]): EdgeRoute {
  const flow = edges.filter(({ kind }) => kind !== 'feedback');
  const out = flow.filter((edge) => edge.from === from).map((edge) => edge.to);
  const into = flow.filter((edge) => edge.to === to).map((edge) => edge.from);
  const share = (index: number, count: number): number => (index + 1) / (count + 1);
  return {
    kind: 'direct',
    fromShare: share(out.indexOf(to), out.length),
    toShare: share(into.indexOf(from), into.length),
  };
}

/** The path of a route between two boxes. A lane stays clear of a box that a reader moved across it. */
export function routePath({ from, to }: Ends, route: EdgeRoute): EdgePath {
  if (route.kind === 'lane') return lanePath({ from, to }, route);
  const start = { x: from.x + from.width * route.fromShare, y: from.y + from.height };
  const end = { x: to.x + to.width * route.toShare, y: to.y };
  return {
    points: [start, end],
    label: { x: (start.x + end.x) / 2, y: (start.y + end.y) / 2, upright: false },
  };
}

/** Runs out of the side of one box, along the gutter, into the side of the other. */
function lanePath({ from, to }: Ends, route: Extract<EdgeRoute, { kind: 'lane' }>): EdgePath {
  const isLeft = route.side === 'left';
  const edgeOf = (box: Box): number => (isLeft ? box.x : box.x + box.width);
  const x = isLeft
    ? Math.min(route.x, edgeOf(from) - gutterPadding, edgeOf(to) - gutterPadding)
    : Math.max(route.x, edgeOf(from) + gutterPadding, edgeOf(to) + gutterPadding);
  // Leaves below the middle and arrives above it, so that two edges at one box stay apart.
  const start = { x: edgeOf(from), y: from.y + from.height * 0.65 };
  const end = { x: edgeOf(to), y: to.y + to.height * 0.35 };
  return {
    points: [start, { x, y: start.y }, { x, y: end.y }, end],
    label: { x, y: (start.y + end.y) / 2, upright: true },
  };
}
