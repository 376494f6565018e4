/** The OpenAPI document of a server. */
import { expect, test } from 'vitest';
import { startTestServer } from './testing/test-server.test-data.ts';

test('the OpenAPI document names every route and resolves every reference', async () => {
  const server = await startTestServer();
  const text = await (await fetch(`${server.url}/openapi.json`)).text();
  const document = JSON.parse(text) as {
    readonly paths: Record<string, unknown>;
    readonly components: { readonly schemas: Record<string, unknown> };
  };
  expect(Object.keys(document.paths).sort()).toMatchInlineSnapshot(`
    [
      "/api/chat",
      "/api/embed",
      "/api/embeddings",
      "/api/generate",
      "/api/show",
      "/api/tags",
      "/api/version",
      "/apply-template",
      "/chat/completions",
      "/chat/completions/input_tokens",
      "/completion",
      "/completions",
      "/detokenize",
      "/embedding",
      "/embeddings",
      "/generate",
      "/health",
      "/metrics",
      "/models",
      "/props",
      "/ready",
      "/responses",
      "/responses/input_tokens",
      "/tokenize",
      "/v1/chat/completions",
      "/v1/chat/completions/input_tokens",
      "/v1/completions",
      "/v1/embeddings",
      "/v1/events",
      "/v1/health",
      "/v1/ledger",
      "/v1/messages",
      "/v1/messages/count_tokens",
      "/v1/models",
      "/v1/models/{model}",
      "/v1/prefix-cache/save",
      "/v1/responses",
      "/v1/responses/input_tokens",
    ]
  `);
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(([, id]) => id);
  expect(references.length).toBeGreaterThan(10);
  for (const id of references) expect(document.components.schemas).toHaveProperty(id ?? '');
  await server.close();
});

test('an event of a stream is described as its reader gets it: a name, and its data as text', async () => {
  const server = await startTestServer();
  const document = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    readonly paths: Record<string, Record<string, { readonly responses: Record<string, unknown> }>>;
  };
  expect(document.paths['/v1/responses']?.post?.responses['200']).toMatchInlineSnapshot(`
    {
      "content": {
        "application/json": {
          "schema": {
            "$ref": "#/components/schemas/Response",
          },
        },
        "text/event-stream": {
          "schema": {
            "properties": {
              "data": {
                "anyOf": [
                  {
                    "const": "[DONE]",
                  },
                  {
                    "contentMediaType": "application/json",
                    "contentSchema": {
                      "$ref": "#/components/schemas/ResponseEvent",
                    },
                    "type": "string",
                  },
                ],
              },
              "event": {
                "type": "string",
              },
            },
            "required": [
              "data",
            ],
            "type": "object",
          },
        },
      },
      "description": "The answer",
    }
  `);
  await server.close();
});
