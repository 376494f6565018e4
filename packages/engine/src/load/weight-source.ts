/** Weights where they lie: the bytes of one matrix at a time, from GGUF parts or safetensors shards. */
export interface SourceTensor {
  /** As the storage plan knows it: `F16`, `Q4_K`. */
  readonly type: string;
  readonly bytes: number;
  /** Where it begins, to read tensors in the order of the file. */
  readonly file: number;
  readonly offset: number;
  /** The bytes [start, start + length) of this matrix. */
  read(start: number, length: number): Promise<Uint8Array>;
  /** Fills the target with the bytes from `start` on. */
  readInto(target: Uint8Array, start: number): Promise<void>;
}

export interface TensorAddress {
  /** Layer number; null outside layers. */
  readonly layer: number | null;
  /** Name as the ModelSpec has it. */
  readonly name: string;
  /** Which matrix of a stack. */
  readonly slice: number;
  readonly slices: number;
}

export interface WeightSource {
  tensor(address: TensorAddress): SourceTensor;
  close(): Promise<void>;
}
