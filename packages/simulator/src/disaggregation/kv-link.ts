/**
 * The links between the devices of a prefill replica and those of a decode replica. A transfer uses all links of both
 * replicas at full rate, and the transfers of a replica follow each other: the last of several ends when it would end if
 * they shared the links.
 */
export interface KvLink {
  /** From the request for a block to its first byte. */
  readonly latencySeconds: number;
  /** Of the slower side, all its devices together. */
  readonly bytesPerSecond: number;
  /** Bytes of the cache of a prompt, all devices together. */
  readonly promptBytes: (promptTokens: number) => number;
}

/** One end of transfers: the links of a replica. */
export interface LinkEnd {
  freeAt: number;
  busySeconds: number;
}

export interface Transfer {
  readonly bytes: number;
  readonly end: number;
}

/** Starts the transfer of `tokens` of a prompt as soon as both ends are free. */
export function startTransfer(
  link: KvLink,
  {
    tokens,
    promptTokens,
    now,
  }: { readonly tokens: number; readonly promptTokens: number; readonly now: number },
  ends: readonly LinkEnd[],
): Transfer {
  // The tokens that the decode replica has in its own cache are not sent.
  const bytes = (link.promptBytes(promptTokens) * tokens) / Math.max(1, promptTokens - 1);
  const start = ends.reduce((latest, { freeAt }) => Math.max(latest, freeAt), now);
  const busySeconds = bytes / link.bytesPerSecond;
  const end = start + link.latencySeconds + busySeconds;
  for (const side of ends) {
    side.freeAt = end;
    side.busySeconds += busySeconds;
  }
  return { bytes, end };
}
