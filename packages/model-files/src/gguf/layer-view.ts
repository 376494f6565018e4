/** The tensors of one layer of a GGUF file, by stem. They decide the layer's kind. */
import type { GgufTensor } from './header.ts';
import type { LayerMixer, TensorPlace } from './tensor-names.ts';

export interface PlacedTensor {
  readonly place: TensorPlace;
  readonly tensor: GgufTensor;
}

export class LayerView {
  readonly index: number;
  readonly tensors: readonly PlacedTensor[];
  readonly #weights: ReadonlyMap<string, GgufTensor>;

  constructor(index: number, tensors: readonly PlacedTensor[]) {
    this.index = index;
    this.tensors = tensors;
    const weights = new Map<string, GgufTensor>();
    for (const { place, tensor } of tensors) {
      // Parameters such as ssm_a have no suffix; a bias or scale must not replace its matrix.
      if (place.name === place.stem || place.name.endsWith('.weight')) weights.set(place.stem, tensor);
    }
    this.#weights = weights;
  }

  has(stem: string): boolean {
    return this.#weights.has(stem);
  }

  hasAny(stems: readonly string[]): boolean {
    return stems.some((stem) => this.#weights.has(stem));
  }

  /** Returns the row-major shape of a weight, undefined if the layer has no such tensor. */
  shape(stem: string): readonly number[] | undefined {
    return this.#weights.get(stem)?.shape;
  }

  get isPrediction(): boolean {
    return this.tensors.some(({ place }) => place.stem.startsWith('nextn.'));
  }

  get hasExperts(): boolean {
    return this.hasAny(['ffn_down_exps', 'ffn_down.0']);
  }

  get mixer(): LayerMixer {
    if (this.hasAny(['ssm_conv1d_q', 'ssm_ba', 'ssm_alpha'])) return 'linear';
    return this.hasAny(['ssm_conv1d', 'shortconv.conv']) ? 'ssm' : 'attention';
  }

  /**
   * Splits a block of Falcon H1, which runs Mamba and attention in parallel. A spec has one kind of mixing per layer,
   * so such a block becomes two layers: Mamba with the norm before both, then attention with the feed-forward.
   */
  parts(): readonly LayerView[] {
    if (this.mixer !== 'ssm' || !this.has('attn_k')) return [this];
    const isMamba = ({ place }: PlacedTensor): boolean => /^(ssm_|attn_norm$)/.test(place.stem);
    return [
      new LayerView(this.index, this.tensors.filter(isMamba)),
      new LayerView(
        this.index,
        this.tensors.filter((placed) => !isMamba(placed)),
      ),
    ];
  }
}
