/** Hidden states that a request captures. */
export type { HiddenStates } from './request/hidden-states.ts';
export type { HiddenLayer } from './request/live-sequence.ts';
