/**
 * Returns the names under which the registry may list a model that a log calls
 * "Qwen2.5-Coder-32B-Instruct-Q4_K_S.gguf": the name itself, without file ending and mixture, and without the
 * speciality of Qwen's models (Coder, Math), which does not change their shape.
 */
export function modelNameCandidates(name: string): readonly string[] {
  const stem = name.replace(/\.gguf$/i, '');
  const plain = stem.replace(/[-_. ]*(UD[-_])?(I?Q\d(_\w+|[kK]\w*)?|F16|BF16|MXFP4(_MOE)?)(\s.*)?$/i, '');
  const dashed = plain.replace(/[\s_]+/g, '-');
  const general = dashed.replace(/-(Coder|Math)(?=-)/i, '');
  return [...new Set([name, stem, plain, dashed, general])].filter((candidate) => candidate !== '');
}
