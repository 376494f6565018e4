/** Returns the code of an error of the system, such as `ENOSPC`; undefined for an error of another kind. */
export function systemErrorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
