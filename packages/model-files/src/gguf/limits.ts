/**
 * Limits of a GGUF header. A header is a list of counts and lengths that the file's author chose; the reader checks
 * each against these limits, and against the bytes of the file, before it allocates memory. The largest published files
 * (DeepSeek, Gemma and Qwen with vocabularies of 130k to 260k tokens) need 10 to 40 MiB of header, under 100 metadata
 * keys and under 2,500 tensors; every limit exceeds this by a factor of ten or more.
 */
import { MiB } from '@plimsoll/foundation';

export interface GgufLimits {
  /** Bytes up to the end of the tensor table: vocabulary, merges and an embedded tokenizer.json together. */
  readonly headerBytesMax: number;
  /** Metadata keys. */
  readonly keyCountMax: number;
  readonly tensorCountMax: number;
  /** The GGUF specification limits keys to 2^16 - 1 bytes. */
  readonly keyBytesMax: number;
  /** ggml itself stores names of up to 64 bytes; forks up to 256. */
  readonly tensorNameBytesMax: number;
  /** One string value: the longest are whole tokenizer.json files, about 34 MB for Gemma. */
  readonly stringBytesMax: number;
  /** Elements of one array: the longest are merge lists, about 515,000 for Gemma 3. */
  readonly arrayLengthMax: number;
  /** Elements of all arrays kept in memory: tokens, scores, types and merges together. */
  readonly keptElementsMax: number;
  /** Arrays inside arrays; mainline writes none. */
  readonly arrayDepthMax: number;
  /** GGML_MAX_DIMS of ggml. */
  readonly dimensionsMax: number;
  /** Alignments in use are 32 and 64; an alignment above a page has no purpose. */
  readonly alignmentMax: number;
}

export const ggufLimits: GgufLimits = {
  headerBytesMax: 512 * MiB,
  keyCountMax: 65_536,
  tensorCountMax: 262_144,
  keyBytesMax: 65_535,
  tensorNameBytesMax: 1024,
  stringBytesMax: 64 * MiB,
  arrayLengthMax: 16_777_216,
  keptElementsMax: 8_388_608,
  arrayDepthMax: 4,
  dimensionsMax: 4,
  alignmentMax: 65_536,
};
