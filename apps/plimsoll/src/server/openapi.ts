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
}

type JsonObject = Record<string, unknown>;

/** `needsKey`: the server was started with API keys. */
export function openApiDocument(routes: readonly RouteDescription[], needsKey: boolean): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}');
    paths[path] = { ...paths[path], [route.method]: operation(route, path) };
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

function operation(route: RouteDescription, path: string): JsonObject {
  const { request, response, event, line, contentType = 'text/plain', summary, tag, isOpen } = route;
  const content = {
    ...(response !== null && { 'application/json': { schema: reference(response) } }),
    ...(event !== undefined && { 'text/event-stream': { schema: reference(event) } }),
    ...(line !== undefined && { 'application/x-ndjson': { schema: reference(line) } }),
    ...(response === null && event === undefined && { [contentType]: { schema: { type: 'string' } } }),
  };
  const error = {
    description: 'An error',
    content: { 'application/json': { schema: reference(errorFormOf(path).schema) } },
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
    responses: { 200: { description: 'The answer', content }, default: error },
    ...(isOpen === true && { security: [] }),
  };
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
    const { schemas: made } = z.toJSONSchema(registry, { io, uri, unrepresentable: 'any' });
    const { [sharedName]: shared, ...own } = made;
    for (const [id, schema] of Object.entries({ ...shared?.$defs, ...own })) {
      const { $schema: _, $id: __, id: ___, ...rest } = schema as JsonObject;
      schemas[id] = rest;
    }
  }
  const text = JSON.stringify(schemas);
  return JSON.parse(text.replaceAll(`${sharedName}#/$defs/`, '')) as JsonObject;
}
