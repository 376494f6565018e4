/** Values of the IQ4_NL nibbles: `kvalues_iq4nl` of ggml (https://github.com/ggml-org/ggml, ggml-common.h). */
export const nonLinear4Bit: readonly number[] = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];
