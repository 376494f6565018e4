/** The routes for people and programs that watch the server, and for texts and tokens. */
import { z } from 'zod';
import type { ServerCore } from '../core/server-core.ts';
import { engineMetrics } from '../metrics/engine-metrics.ts';
import { exposition } from '../metrics/exposition.ts';
import type { Routes } from '../routes.ts';
import { engineStateSchema } from './engine-state.ts';
import { health, healthSchema, ready } from './health.ts';
import { ledgerSchema, memoryView } from './memory-view.ts';
import { saveCache, saveCacheRequestSchema, saveCacheResponseSchema } from './save-cache.ts';
import { eventsQuerySchema, stepEvents } from './step-events.ts';
import { stepReportSchema } from './step-report-schema.ts';
import {
  applyTemplate,
  detokenize,
  detokenizeRequestSchema,
  detokenizeResponseSchema,
  templateRequestSchema,
  templateResponseSchema,
  tokenize,
  tokenizeRequestSchema,
  tokenizeResponseSchema,
} from './tokenize.ts';

export function addOperationRoutes(routes: Routes, core: ServerCore): void {
  addWatchRoutes(routes, core);
  routes.post({
    path: '/v1/prefix-cache/save',
    summary: 'Save the prefix cache to the file of the server',
    tag: 'Operation',
    request: saveCacheRequestSchema,
    response: saveCacheResponseSchema,
    handle: saveCache,
  });
  const tag = 'Texts and tokens';
  routes.post({
    path: '/tokenize',
    summary: 'Encode a text or a chat',
    tag,
    request: tokenizeRequestSchema,
    response: tokenizeResponseSchema,
    handle: tokenize,
  });
  routes.post({
    path: '/detokenize',
    summary: 'Decode tokens',
    tag,
    request: detokenizeRequestSchema,
    response: detokenizeResponseSchema,
    handle: detokenize,
  });
  routes.post({
    path: '/apply-template',
    summary: 'Render a chat as the prompt of the model',
    tag,
    request: templateRequestSchema,
    response: templateResponseSchema,
    handle: applyTemplate,
  });
}

function addWatchRoutes(routes: Routes, core: ServerCore): void {
  const {
    model: { engine, names },
    gate,
    meter,
    limitBytes,
  } = core;
  const tag = 'Operation';
  const open = { tag, response: healthSchema, isOpen: true, answersUnavailable: true };
  for (const path of ['/health', '/v1/health']) {
    routes.get({ ...open, path, summary: 'Tell whether the process works' }, (context) =>
      health(engine, context),
    );
  }
  routes.get({ ...open, path: '/ready', summary: 'Tell whether the server accepts requests' }, (context) =>
    ready(engine, gate, context),
  );
  routes.get(
    { path: '/v1/ledger', summary: 'List every byte that the engine holds', tag, response: ledgerSchema },
    (context) => context.json(memoryView(engine, limitBytes)),
  );
  routes.get(
    {
      path: '/v1/events',
      summary: 'Stream the report of every step',
      tag,
      response: null,
      query: eventsQuerySchema,
      event: z.union([stepReportSchema, engineStateSchema]).meta({ id: 'WatchEvent' }),
    },
    (context) => stepEvents(core, context),
  );
  const metrics = [...engineMetrics(engine), ...meter.metrics];
  const contentType = 'text/plain; version=0.0.4; charset=utf-8';
  routes.get(
    { path: '/metrics', summary: "Print metrics in Prometheus's format", tag, response: null, contentType },
    (context) =>
      context.body(exposition(metrics, { model_name: names[0] ?? '' }), 200, { 'Content-Type': contentType }),
  );
}
