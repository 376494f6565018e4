/**
 * The three builds of the module, and the choice for this machine. All compute the same integers; they differ in the
 * instruction that multiplies 8-bit quants (assembly/dot.ts) and in whether multiply-adds of f32 may be fused.
 */
export type BuildName = 'simd' | 'relaxed' | 'relaxed-dot32';

/** Indexed by the number that the module exports as `variant`. */
export const buildNames: readonly BuildName[] = ['simd', 'relaxed', 'relaxed-dot32'];

/** A module with one function whose body is `i32x4.relaxed_dot_i8x16_i7x16_add_s`, the newest instruction in use. */
const relaxedProbe = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // magic, version
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // one type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function of it
  ...[0x0a, 0x13, 0x01, 0x11, 0x00], // its body: 17 bytes, no locals
  ...[0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f], // three times i8x16.splat(0)
  ...[0xfd, 0x93, 0x02, 0x0b], // the instruction, end
);

/** Returns the relaxed build if the runtime supports relaxed SIMD, otherwise the baseline. */
export function preferredBuild(): BuildName {
  return WebAssembly.validate(relaxedProbe) ? 'relaxed' : 'simd';
}
