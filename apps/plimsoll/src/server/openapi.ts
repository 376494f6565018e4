/** The OpenAPI document, made from the schemas that also check the requests. */
import { z } from 'zod';
import packageJson from '../../package.json' with { type: 'json' };
import { errorFormOf } from './http/error-forms.ts';

export interface RouteDescription {
  readonly method: 'get' | 'post';
  /** In Hono's notation: `/v1/models/:model`. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  readonly request?: z.ZodType;
  /** Schema of the query, with one text per parameter. */
  readonly query?: z.ZodObject;
  /** Null if the answer is no JSON. */
  readonly response: z.ZodType | null;
  /** Schema of the data of each event, if the answer can be a stream. */
  readonly event?: z.ZodType;
  /** Schema of each line, if the answer can be lines of JSON. */
  readonly line?: z.ZodType;
  /** Content type of an answer that is no JSON. */
  readonly contentType?: string;
  /** True if the path needs no API key. */
  readonly isOpen?: boolean;
  /** True if status 503 has the form of the answer. */
  readonly answersUnavailable?: boolean;
}

/** Statuses of refusals, with their meaning. */
const refusals: Readonly<Record<number, string>> = {
  400: 'The request is malformed, or this server can never answer it',
  401: 'The API key is missing or wrong',
  404: 'The server has no such model',
  408: 'The body arrived too slowly',
  413: 'The body is too large',
  415: 'The Content-Type is not that of JSON',
  421: 'The request names another host',
  429: 'The queue is full; Retry-After says when to try again',
  500: 'The server has a defect',
  503: 'The server loads, drains, or holds too many bodies; Retry-After says when to try again',
};
const bodyStatuses: ReadonlySet<number> = new Set([408, 413, 415, 429]);

type JsonObject = Record<string, unknown>;

/** `needsKey`: the server was started with API keys. */
export function openApiDocument(routes: readonly RouteDescription[], needsKey: boolean): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route, path, needsKey) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'plimsoll serve',
      version: packageJson.version,
      description: 'Runs a model inside a memory limit, behind APIs that clients speak.',
    },
    paths,
    components: {
      schemas: components(routes),
      ...(needsKey && { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } }),
    },
    ...(needsKey && { security: [{ apiKey: [] }] }),
  };
}

function operation(route: RouteDescription, path: string, needsKey: boolean): JsonObject {
  const { request, response, event, line, contentType = 'text/plain', summary, tag, isOpen } = route;
  const content = {
    ...(response !== null && { 'application/json': { schema: reference(response) } }),
    ...(event !== undefined && { 'text/event-stream': { schema: eventFrame(event) } }),
    ...(line !== undefined && { 'application/x-ndjson': { schema: reference(line) } }),
    ...(response === null && event === undefined && { [contentType]: { schema: { type: 'string' } } }),
  };
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(route.query?.shape ?? {}).map(([name, schema]) => {
      const { $schema: _, ...json } = z.toJSONSchema(schema);
      return { name, in: 'query', required: false, schema: json };
    }),
  ];
  return {
    summary,
    tags: [tag],
    operationId: `${route.method}${path.replaceAll(/[^a-zA-Z0-9]+/g, '_')}`,
    ...(parameters.length > 0 && { parameters }),
    ...(request !== undefined && {
      requestBody: { required: true, content: { 'application/json': { schema: reference(request) } } },
    }),
    responses: {
      200: { description: 'The answer', content },
      ...refusalsOf(route, path, needsKey && isOpen !== true),
    },
    ...(isOpen === true && { security: [] }),
  };
}

/** One event as a reader of the stream gets it: a name, if it has one, and its data as text. */
function eventFrame(event: z.ZodType): JsonObject {
  const json = { type: 'string', contentMediaType: 'application/json', contentSchema: reference(event) };
  return {
    type: 'object',
    required: ['data'],
    properties: {
      event: { type: 'string' },
      // OpenAI's streams end with this text, which is no JSON.
      data: { anyOf: [{ const: '[DONE]' }, json] },
    },
  };
}

function refusalsOf(
  { request, response, answersUnavailable }: RouteDescription,
  path: string,
  needsKey: boolean,
): JsonObject {
  const statuses = Object.entries(refusals).filter(([key]) => {
    const status = Number(key);
    if (status === 401) return needsKey;
    if (status === 404) return request !== undefined || path.includes('{');
    return request !== undefined || !bodyStatuses.has(status);
  });
  const form = reference(errorFormOf(path).schema);
  return Object.fromEntries(
    statuses.map(([status, description]) => {
      const isAnswer = status === '503' && answersUnavailable === true && response !== null;
      const schema = isAnswer ? { anyOf: [reference(response), form] } : form;
      return [status, { description, content: { 'application/json': { schema } } }];
    }),
  );
}

function idOf(schema: z.ZodType): string {
  const { id } = schema.meta() ?? {};
  if (id === undefined) throw new TypeError('a schema of a route has an id');
  return id;
}

function reference(schema: z.ZodType): JsonObject {
  return { $ref: `#/components/schemas/${idOf(schema)}` };
}

/** zod's name for the place of inner schemas with an id. */
const sharedName = '__shared';

/** Writes a tuple as a list of a fixed length: some readers of OpenAPI 3.1 do not know `prefixItems`. */
function plainTuple({ jsonSchema }: { readonly jsonSchema: JsonObject }): void {
  if (!Array.isArray(jsonSchema.prefixItems)) return;
  jsonSchema.items = { anyOf: jsonSchema.prefixItems };
  delete jsonSchema.prefixItems;
}

/** Requests are described as clients send them, answers as they get them. */
function components(routes: readonly RouteDescription[]): JsonObject {
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const schemas: JsonObject = {};
  for (const io of ['input', 'output'] as const) {
    const registry = z.registry<{ id?: string }>();
    const add = (schema: z.ZodType | null | undefined): void => {
      if (schema != null && !registry.has(schema)) registry.add(schema, { id: idOf(schema) });
    };
    for (const { path, request, response, event, line } of routes) {
      if (io === 'input') add(request);
      else for (const schema of [response, event, line, errorFormOf(path).schema]) add(schema);
    }
    const { schemas: made } = z.toJSONSchema(registry, {
      io,
      uri,
      unrepresentable: 'any',
      override: plainTuple,
    });
    const { [sharedName]: shared, ...own } = made;
    for (const [id, schema] of Object.entries({ ...shared?.$defs, ...own })) {
      const { $schema: _, $id: __, id: ___, ...rest } = schema as JsonObject;
      schemas[id] = rest;
    }
  }
  const text = JSON.stringify(schemas);
  return JSON.parse(text.replaceAll(`${sharedName}#/$defs/`, '')) as JsonObject;
}
