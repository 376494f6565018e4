/** `kvalues_iq4nl` of ggml (https://github.com/ggml-org/ggml, ggml-common.h): what the nibbles of IQ4_NL stand for. */
export const nonLinear4Bit: readonly number[] = [
  -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];
