/** The JSON form of an error in each API, as its clients read it. */
import { z } from 'zod';
import { type Failure, InvalidField } from './request-errors.ts';

interface ErrorForm {
  readonly schema: z.ZodType;
  body(failure: Failure, requestId: string): object;
}

/** Returns the form of the API that a path belongs to. */
export function errorFormOf(path: string): ErrorForm {
  if (path.startsWith('/v1/messages')) return { schema: anthropicSchema, body: anthropicError };
  if (path.startsWith('/api/')) return { schema: ollamaSchema, body: ollamaError };
  return { schema: openaiSchema, body: openaiError };
}

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
