/** Byte offset into an arena. */
export type Pointer = number;
