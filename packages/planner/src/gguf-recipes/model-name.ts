/**
 * Names under which a registry may know what a log calls "Qwen2.5-Coder-32B-Instruct-Q4_K_S.gguf": as it is, without file
 * ending and mixture, and without the speciality of Qwen's models, which does not change their shape.
 */
export function modelNameCandidates(name: string): readonly string[] {
  const stem = name.replace(/\.gguf$/i, '');
  const plain = stem.replace(/[-_. ]*(UD[-_])?(I?Q\d(_\w+|[kK]\w*)?|F16|BF16|MXFP4(_MOE)?)(\s.*)?$/i, '');
  const dashed = plain.replace(/[\s_]+/g, '-');
  const general = dashed.replace(/-(Coder|Math)(?=-)/i, '');
  return [...new Set([name, stem, plain, dashed, general])].filter((candidate) => candidate !== '');
}
