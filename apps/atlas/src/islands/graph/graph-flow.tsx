/** A graph record in React Flow: nodes can be moved, focused and read, edges of what is chosen stand out. */
import {
  Background,
  Controls,
  type Edge,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  useNodesState,
} from '@xyflow/react';
import baseStyles from '@xyflow/react/dist/base.css?inline';
import { type ReactNode, StrictMode, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';
import graphStyles from './graph.css?inline';
import type { FlowData, FlowEdge } from './graph-data.ts';

/** The styles arrive with this code: a page whose graphs nobody opens needs none of them. */
function wearStyles(): void {
  const sheet = document.createElement('style');
  sheet.textContent = baseStyles + graphStyles;
  document.head.append(sheet);
}

export function showFlow(place: HTMLElement, data: FlowData): void {
  if (document.querySelector('.react-flow') === null) wearStyles();
  createRoot(place).render(
    <StrictMode>
      <GraphFlow data={data} />
    </StrictMode>,
  );
}

function GraphFlow({ data }: { readonly data: FlowData }): ReactNode {
  const [nodes, , onNodesChange] = useNodesState(data.nodes.map(nodeOf));
  const [chosen, setChosen] = useState<string | null>(null);
  const edges = useMemo(() => data.edges.map((edge) => edgeOf(edge, chosen)), [data.edges, chosen]);
  return (
    <ReactFlow
      aria-label={data.alt}
      nodes={nodes}
      nodeTypes={nodeTypes}
      edges={edges}
      onNodesChange={onNodesChange}
      onSelectionChange={({ nodes: selected }) => setChosen(selected[0]?.id ?? null)}
      fitView
      fitViewOptions={{ padding: 0.08 }}
      minZoom={0.3}
      maxZoom={2}
      nodesConnectable={false}
      edgesFocusable={false}
      // The page scrolls with the wheel; the buttons zoom.
      zoomOnScroll={false}
      preventScrolling={false}
    >
      <Background gap={24} />
      <Controls showInteractive={false} />
    </ReactFlow>
  );
}

type RecordNode = Node<{ readonly label: string; readonly note: string }, 'record'>;

/** Flow runs from bottom to top of boxes; what acts back runs along their right side, where it crosses nothing. */
function RecordBox({ data }: NodeProps<RecordNode>): ReactNode {
  return (
    <>
      <Handle type="target" position={Position.Top} id="flow" />
      <strong>{data.label}</strong>
      {data.note !== '' && <small>{data.note}</small>}
      <Handle type="source" position={Position.Bottom} id="flow" />
      <Handle type="source" position={Position.Right} id="feedback" />
      <Handle type="target" position={Position.Right} id="feedback" />
    </>
  );
}

const nodeTypes = { record: RecordBox };

function nodeOf({ id, x, y, width, label, note }: FlowData['nodes'][number]): RecordNode {
  return {
    id,
    type: 'record',
    position: { x, y },
    data: { label, note },
    style: { width },
    ariaLabel: note === '' ? label : `${label}: ${note}`,
  };
}

/** How far beside the boxes feedback runs, in units of the picture. */
const feedbackOffset = 36;

function edgeOf({ from, to, kind, text }: FlowEdge, chosen: string | null): Edge {
  const isOfChosen = chosen === from || chosen === to;
  return {
    id: `${from}->${to}`,
    source: from,
    target: to,
    sourceHandle: kind,
    targetHandle: kind,
    type: kind === 'feedback' ? 'smoothstep' : 'default',
    className: `${kind}${isOfChosen ? ' chosen' : ''}`,
    ...(kind === 'feedback' && { pathOptions: { offset: feedbackOffset } }),
    markerEnd: { type: MarkerType.ArrowClosed },
    ...(text !== '' && { label: text }),
  };
}
