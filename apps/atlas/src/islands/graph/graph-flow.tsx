/**
 * A graph record in React Flow. A reader can move, focus and read nodes, and the edges of the chosen node are highlighted.
 * Edges use the routes and lanes of the still picture.
 */
import {
  Background,
  Controls,
  type Edge,
  type EdgeProps,
  Handle,
  type InternalNode,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useInternalNode,
  useNodesState,
} from '@xyflow/react';
import baseStyles from '@xyflow/react/dist/base.css?inline';
import { type ReactNode, StrictMode, useEffect, useMemo, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { arrowHead, pathOf } from '../../graphs/edge-strokes.ts';
import { type Box, routePath } from '../../graphs/layered-layout.ts';
import { type FirstView, firstView } from './first-view.ts';
import graphStyles from './graph.css?inline';
import type { FlowData, FlowEdge } from './graph-data.ts';

/**
 * The styles arrive with this code, so that a page pays for them only when a reader opens a graph. They are a constructed
 * sheet, because the page's Content-Security-Policy blocks a style element that a script adds.
 */
function wearStyles(): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(baseStyles + graphStyles);
  document.adoptedStyleSheets.push(sheet);
}

export function showFlow(place: HTMLElement, data: FlowData): void {
  if (document.querySelector('.react-flow') === null) wearStyles();
  const view = firstView(data, place.clientWidth);
  place.style.height = `${view.paneHeight}px`;
  createRoot(place).render(
    <StrictMode>
      <GraphFlow data={data} view={view} />
    </StrictMode>,
  );
}

function GraphFlow({ data, view }: { readonly data: FlowData; readonly view: FirstView }): ReactNode {
  const [nodes, , onNodesChange] = useNodesState(data.nodes.map(nodeOf));
  const [chosen, setChosen] = useState<string | null>(null);
  const edges = useMemo(() => data.edges.map((edge) => edgeOf(edge, chosen)), [data.edges, chosen]);
  const pane = useRef<HTMLDivElement>(null);
  // The button that opened the picture is gone, so the focus moves to the picture.
  useEffect(() => pane.current?.focus({ preventScroll: true }), []);
  return (
    <ReactFlow
      ref={pane}
      tabIndex={-1}
      aria-label={data.alt}
      nodes={nodes}
      nodeTypes={nodeTypes}
      edges={edges}
      edgeTypes={edgeTypes}
      onNodesChange={onNodesChange}
      onSelectionChange={({ nodes: selected }) => setChosen(selected[0]?.id ?? null)}
      defaultViewport={view}
      fitViewOptions={{ padding: 0.04 }}
      minZoom={0.3}
      maxZoom={2}
      nodesConnectable={false}
      edgesFocusable={false}
      // The page scrolls with the wheel; the buttons zoom.
      zoomOnScroll={false}
      preventScrolling={false}
    >
      <Background gap={24} />
      <Controls showInteractive={false} orientation="horizontal" />
    </ReactFlow>
  );
}

type RecordNode = Node<{ readonly label: string; readonly note: string }, 'record'>;
type RoutedEdge = Edge<{ readonly edge: FlowEdge }, 'routed'>;

/** React Flow requires handles for the ends of edges. The real ends follow from the box. */
function RecordBox({ data }: NodeProps<RecordNode>): ReactNode {
  return (
    <>
      <Handle type="target" position={Position.Top} />
      <strong>{data.label}</strong>
      {data.note !== '' && <small>{data.note}</small>}
      <Handle type="source" position={Position.Bottom} />
    </>
  );
}

function RoutedLine({ source, target, data }: EdgeProps<RoutedEdge>): ReactNode {
  const from = useInternalNode(source);
  const to = useInternalNode(target);
  if (from === undefined || to === undefined || data === undefined) return null;
  const { points, label } = routePath({ from: boxOf(from), to: boxOf(to) }, data.edge.route);
  const turn = label.upright ? `rotate(-90 ${label.x} ${label.y})` : undefined;
  return (
    <>
      <path className="react-flow__edge-path" d={pathOf(points)} />
      <polygon className="graph-arrow" points={arrowHead(points)} />
      {data.edge.text !== '' && (
        <text className="graph-words" x={label.x} y={label.y} dy="0.35em" transform={turn}>
          {data.edge.text}
        </text>
      )}
    </>
  );
}

function boxOf({ internals, measured, width = 0, height = 0 }: InternalNode): Box {
  return {
    ...internals.positionAbsolute,
    width: measured.width ?? width,
    height: measured.height ?? height,
  };
}

const nodeTypes = { record: RecordBox };
const edgeTypes = { routed: RoutedLine };

function nodeOf({ id, x, y, width, height, label, note, isRoot }: FlowData['nodes'][number]): RecordNode {
  return {
    id,
    type: 'record',
    position: { x, y },
    data: { label, note },
    style: { width, minHeight: height },
    ...(isRoot && { className: 'root' }),
    ariaLabel: note === '' ? label : `${label}: ${note}`,
  };
}

function edgeOf(edge: FlowEdge, chosen: string | null): RoutedEdge {
  const { from, to, kind } = edge;
  const isOfChosen = chosen === from || chosen === to;
  return {
    id: `${from}->${to}`,
    source: from,
    target: to,
    type: 'routed',
    data: { edge },
    className: `${kind}${isOfChosen ? ' chosen' : ''}`,
  };
}
