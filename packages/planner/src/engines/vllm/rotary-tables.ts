/** Rotary tables as vLLM builds them: cos and sin for every position (vllm/model_executor/layers/rotary_embedding). */
import type { ModelSpec, RotarySpec, TensorSpec } from '@plimsoll/model-files/spec';

/** Llama 4's scaled table covers the trained length of Scout whatever the model (llama4_vision_rope, llama4 config). */
const mropeStretch = 4;

export function rotaryTables(spec: ModelSpec): readonly TensorSpec[] {
  return (spec.rotary ?? []).map((rotary, index) => {
    const isWide = rotary.scaling === 'yarn' && spec.layers[0]?.attention.kind === 'mla';
    // DeepSeek's table is kept in fp32: twice the columns of the 16-bit type stand for it.
    const dim = isWide ? rotary.dim * 2 : rotary.dim;
    return { name: `rotary_emb.${index}.cos_sin_cache`, role: 'other', shape: [tablePositions(rotary), dim] };
  });
}

function tablePositions(rotary: RotarySpec): number {
  switch (rotary.scaling) {
    case 'linear':
    case 'dynamic':
      return Math.round(rotary.positions * rotary.factor);
    case 'yarn':
      return Math.round((rotary.originalPositions ?? rotary.positions) * rotary.factor);
    case 'mrope':
      return rotary.positions * mropeStretch;
    default:
      return rotary.positions;
  }
}
