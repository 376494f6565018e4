/** Places of the weights in GGUF parts or safetensors shards, one matrix at a time. Loading threads read from there. */
export interface SourceTensor {
  /** Name in the file, for errors. */
  readonly name: string;
  /** Type name of the storage plan: `F16`, `Q4_K`. */
  readonly type: string;
  readonly bytes: number;
  /** Index into `files`. */
  readonly file: number;
  /** Offset of the first byte in the file. */
  readonly offset: number;
}

export interface WeightFile {
  readonly path: string;
  /** Descriptor of the open file. All threads of the process share it, and read at explicit positions. */
  readonly descriptor: number;
}

export interface TensorAddress {
  /** Layer number; null outside layers. */
  readonly layer: number | null;
  /** Name in the ModelSpec. */
  readonly name: string;
  /** Index of the matrix in a stack of `slices` matrices. */
  readonly slice: number;
  readonly slices: number;
}

export interface WeightSource {
  readonly files: readonly WeightFile[];
  tensor(address: TensorAddress): SourceTensor;
  close(): Promise<void>;
}
