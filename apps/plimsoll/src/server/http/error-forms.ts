/** The JSON form of an error in each API, as its clients read it. */
import { z } from 'zod';
import { ContextOverflow, type Failure, InvalidField } from './request-errors.ts';

interface ErrorForm {
  readonly schema: z.ZodType;
  body(failure: Failure, requestId: string): object;
}

/** Returns the form of the API that a path belongs to. */
export function errorFormOf(path: string): ErrorForm {
  if (path.startsWith('/v1/messages')) return { schema: anthropicSchema, body: anthropicError };
  if (path.startsWith('/api/')) return { schema: ollamaSchema, body: ollamaError };
  if (llamaCppPaths.test(path)) return { schema: llamaCppSchema, body: llamaCppError };
  return { schema: openaiSchema, body: openaiError };
}

/** Paths of llama.cpp's server alone: its own routes, and those of OpenAI's API without the version. */
const llamaCppPaths =
  /^\/(?:completions?|embeddings?|chat\/completions(?:\/input_tokens)?|responses(?:\/input_tokens)?|models|props)$/;

const openaiSchema = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
    }),
  })
  .meta({ id: 'Error' });

const openaiTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
};

export function openaiError({ status, error }: Failure): z.infer<typeof openaiSchema> {
  return {
    error: {
      message: withHint(error),
      type: openaiTypes[status] ?? (status >= 500 ? 'server_error' : 'invalid_request_error'),
      param: error instanceof InvalidField ? error.param : null,
      code: error.code,
    },
  };
}

const llamaCppSchema = z
  .object({
    error: z.object({
      code: z.int().describe('The status.'),
      message: z.string(),
      type: z.string(),
      n_prompt_tokens: z.int().optional().describe('Of a prompt that exceeds the context.'),
      n_ctx: z.int().optional().describe('The context that is exceeded.'),
    }),
  })
  .meta({ id: 'NativeError' });

export function llamaCppError(failure: Failure): z.infer<typeof llamaCppSchema> {
  const { status, error } = failure;
  const { message, type } = openaiError(failure).error;
  if (!(error instanceof ContextOverflow)) return { error: { code: status, message, type } };
  return {
    error: {
      code: status,
      message: `the request exceeds the available context size: ${message}`,
      type: 'exceed_context_size_error',
      n_prompt_tokens: error.promptTokens,
      n_ctx: error.contextMax,
    },
  };
}

const anthropicSchema = z
  .object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string(),
  })
  .meta({ id: 'MessagesError' });

const anthropicTypes: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
};

export function anthropicError(
  { status, error }: Failure,
  requestId: string,
): z.infer<typeof anthropicSchema> {
  const type = anthropicTypes[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
  return {
    type: 'error',
    error: { type, message: `${error.code}: ${withHint(error)}` },
    request_id: requestId,
  };
}

const ollamaSchema = z.object({ error: z.string() }).meta({ id: 'OllamaError' });

export function ollamaError({ error }: Failure): z.infer<typeof ollamaSchema> {
  return { error: withHint(error) };
}

function withHint({ message, hint }: Failure['error']): string {
  return hint === undefined ? message : `${message} (${hint})`;
}
