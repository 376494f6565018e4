/** The entry for training: products of f32 matrices in any orientation. */
export { gemmScratchBytes, type MatrixPlace, panelBytes, productOperations } from './gemm-layout.ts';
