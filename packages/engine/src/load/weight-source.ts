/** Weights where they lie: one matrix at a time, in GGUF parts or safetensors shards. Loading threads read them there. */
export interface SourceTensor {
  /** As the file has it, for errors. */
  readonly name: string;
  /** As the storage plan knows it: `F16`, `Q4_K`. */
  readonly type: string;
  readonly bytes: number;
  /** Index into `files`. */
  readonly file: number;
  /** Of its first byte in the file. */
  readonly offset: number;
}

export interface WeightFile {
  readonly path: string;
  /** The open file, which is the whole process's: every thread reads it at positions of its own. */
  readonly descriptor: number;
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
  readonly files: readonly WeightFile[];
  tensor(address: TensorAddress): SourceTensor;
  close(): Promise<void>;
}
