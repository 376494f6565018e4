/** The prefix cache on disk. */
export type { PrefixCacheIdentity } from './prefix-cache-file.ts';
