/**
 * The numbers in the words of a command. Two compilers read this file: AssemblyScript builds it into the Wasm module,
 * and TypeScript uses it to encode commands. It may therefore hold only plain constants.
 */
export const repackOpcode = 0;
export const embedOpcode = 1;
export const quantiseOpcode = 2;
export const matMulOpcode = 3;
export const rmsNormOpcode = 4;
export const layerNormOpcode = 5;
export const ropeOpcode = 6;
export const kvStoreOpcode = 7;
export const attentionOpcode = 8;
export const softmaxOpcode = 9;
export const gatedOpcode = 10;
export const addOpcode = 11;
export const scaleOpcode = 12;
export const softCapOpcode = 13;
export const gatherRowsOpcode = 14;
export const topKOpcode = 15;
export const argmaxOpcode = 16;
export const readSumOpcode = 17;
export const packPanelsOpcode = 18;
export const gemmOpcode = 19;

export const f32Code = 0;
export const f16Code = 1;
export const bf16Code = 2;
export const q8_0Code = 3;
export const q4_0Code = 4;
export const q4_KCode = 5;
export const q5_KCode = 6;
export const q6_KCode = 7;
export const q4_1Code = 8;
export const q5_1Code = 9;
export const q5_0Code = 10;

/** Rows whose bytes are interleaved into one panel of a repacked weight. */
export const panelRows = 8;

/** Panels of the f32 product `gemm`: rows of the left operand, columns of the right, and steps of a block of depth. */
export const leftPanelRows = 6;
export const rightPanelColumns = 16;
export const gemmDepthBlock = 256;
/** One 6 x 16 tile of sums for each thread. */
export const gemmScratchBytesPerThread = 384;

/**
 * One command is 32 words of 4 bytes: the opcode, its arguments, and at the end the words for sharing it: a counter of
 * finished work (for operations with a final step), a flag that wakes sleeping threads, the number of commands of the
 * phase that begins here (0: one thread runs the command alone), the number of parts (0: the operation claims pieces
 * itself), and the counter of claimed work.
 */
export const commandBytes = 128;
export const doneWordOffset = 108;
export const wakeWordOffset = 112;
export const phaseWordOffset = 116;
export const partsWordOffset = 120;
export const claimWordOffset = 124;

/**
 * The control region at the start of an arena, in bytes. Words that different threads write are on separate cache
 * lines: [0] the state of the batch, eight bytes (phases.ts), [64] its number of commands, [128] abort flag, [192]
 * number of sleeping threads, [256, 512) one word per thread that counts the shared commands it worked on, [512, 57344)
 * the commands, [57344, 65536) 128 bytes per thread for the sums of its current tile.
 */
export const stateOffset = 0;
export const countOffset = 64;
export const abortOffset = 128;
export const sleepersOffset = 192;
export const takenOffset = 256;
export const commandsOffset = 512;
export const commandsEnd = 57344;
export const tileSumsOffset = 57344;
export const tileSumsBytes = 128;
export const threadsMax = 64;

/** Number of tokens in a KV block is a multiple of this: the lanes of two f32x4 vectors. */
export const kvBlockTokensUnit = 8;

/**
 * Attention computes this many tokens of a sequence together, against spans of blocks with about `attentionSpanTokens`
 * keys.
 */
export const attentionTokens = 8;
export const attentionSpanTokens = 64;
