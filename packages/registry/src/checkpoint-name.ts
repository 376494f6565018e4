/**
 * Names of converted checkpoints. Converters keep the name of the original and add the format: an ending (`-AWQ`,
 * `-FP8-dynamic`), a mixture after a colon (`-GGUF:Q4_K_M`) or a remark in brackets. Each reading of a name is a
 * shorter name that the registry may know, with the format that the rest states.
 */

/** A record, and the format in which the named checkpoint holds its weights. */
export interface NamedCheckpoint {
  /** Id of the record. */
  readonly id: string;
  /** Spelled as `--weights` takes it; null if the checkpoint is stored as the record says. */
  readonly weights: string | null;
  /** Size of the file as its library prints it; absent if no list states it. */
  readonly fileGigabytes?: number;
}

/** One reading of a typed name. */
export interface NameReading {
  readonly name: string;
  /** Null if the rest of the name states no format. */
  readonly weights: string | null;
  /** True if the name states a format of MLX, whose groups no weight format of a plan has. */
  readonly isMlx: boolean;
}

/** Endings of names, and the format in which the original has the same plan. */
const endings: readonly (readonly [RegExp, string])[] = [
  [/[-_.](?:int4[-_.])?awq(?:-(?:int4|4bit|w4a16))?$/i, 'awq'],
  [/[-_.](?:4bit-|int4[-_.])?gptq(?:-(?:int4|4bit))?$/i, 'gptq'],
  [/[-_.]nvfp4(?:a16)?$/i, 'nvfp4'],
  // NVIDIA wrote FP4 in the names of its first NVFP4 checkpoints.
  [/(?<=^nvidia\/.*)[-_.]fp4$/i, 'nvfp4'],
  [/[-_.]mxfp4$/i, 'mxfp4'],
  [/[-_.]bf16$/i, 'bf16'],
  [/[-_.]fp16$/i, 'fp16'],
  [/[-_.]fp8(?:-(?:dynamic|block|static))?$/i, 'fp8'],
  [/[-_.](?:unsloth-)?bnb-4bit$/i, 'bitsandbytes'],
  [/[-_.](?:quantized\.)?w8a(?:8|16)(?:-int8)?$/i, 'int8'],
  [/[-_.](?:quantized\.)?w4a(?:8|16)$/i, 'int4'],
  [/[-_.]int4(?:-autoround)?$/i, 'int4'],
];

/** The mixture of a GGUF repository whose name states none: llama.cpp takes it from `-hf owner/name`. */
const usualMixture = 'Q4_K_M';
const mixtureForm = /^(?:UD-)?(?:I?Q\d_\w+|TQ\d_\d|B?F16|FP16|F32|MXFP4(?:_MOE)?)$/i;
const hostPrefix = /^(?:https?:\/\/)?(?:hf\.co|huggingface\.co|modelscope\.cn(?:\/models)?)\//i;
const remark = /\s*[([{]([^()[\]{}]*)[)\]}]\s*/g;
const mlxBits = /-(?:\d(?:\.\d+)?|mixed-\d-\d)-?bits?(?:-dwq)?$/i;
/** Owners that upload the files of other owners unchanged under the same name. */
const reuploaders: ReadonlySet<string> = new Set([
  'unsloth',
  'mlx-community',
  'lmstudio-community',
  'ggml-org',
]);

/** Other spellings of mixtures. llama.cpp calls experts in MXFP4 `MXFP4_MOE`. */
const mixtureNames: Readonly<Record<string, string>> = { FP16: 'F16', MXFP4: 'MXFP4_MOE' };
/** Mixtures that are formats of other checkpoints too. */
const sharedForm = /^(?:B?F16|FP16|F32|MXFP4)$/i;

/** `q4_K_M` -> `Q4_K_M`, `fp16` -> `F16`; null if the text is no mixture of a GGUF file. */
export function ggufMixture(text: string): string | null {
  if (!mixtureForm.test(text)) return null;
  const upper = text.toUpperCase();
  return mixtureNames[upper] ?? upper;
}

/** Lists the readings of a typed name, the most literal first. */
export function nameReadings(typed: string): readonly NameReading[] {
  const remarks: string[] = [];
  const plain = typed
    .trim()
    .replace(hostPrefix, '')
    .replaceAll(remark, (_, text: string) => {
      remarks.push(text.trim());
      return ' ';
    })
    .trim();
  const stated = remarks.map(formatNamed).find((format) => format !== null) ?? null;
  const readings: NameReading[] = [];
  const add = (name: string, weights: string | null, isMlx = false): void => {
    for (const spelling of spellings(name, weights !== null || isMlx))
      readings.push({ name: spelling, weights: weights ?? stated, isMlx });
  };
  const colon = plain.lastIndexOf(':');
  const tagged = colon < 0 ? null : ggufMixture(plain.slice(colon + 1));
  const whole = tagged === null ? plain : plain.slice(0, colon);
  add(whole, tagged);
  const bare = whole.replace(/\.gguf$/i, '').replace(/-\d{5}-of-\d{5}$/, '');
  const withoutFile = bare.replace(/[-_.]GGUF$/i, '');
  // Converters write that they kept the prediction layer, which the record of the original has anyway.
  const withoutKind = withoutFile.replace(/[-_.]MTP$/i, '');
  if (withoutFile !== bare) add(withoutKind, tagged ?? usualMixture);
  else if (withoutKind !== bare) add(withoutKind, null);
  for (const mixture of mixturesAtEnd(withoutKind, /gguf/i.test(plain)))
    add(withoutKind.slice(0, -mixture.length - 1), ggufMixture(mixture));
  addEndings(withoutKind, add);
  return readings;
}

function addEndings(
  name: string,
  add: (name: string, weights: string | null, isMlx?: boolean) => void,
): void {
  for (const [ending, weights] of endings) {
    if (ending.test(name)) add(name.replace(ending, ''), weights);
  }
  const withoutMlx = name.replace(/[-_]mlx$/i, '');
  const isMlx = withoutMlx !== name || /^mlx-community\//i.test(name);
  if (mlxBits.test(withoutMlx)) add(withoutMlx.replace(mlxBits, ''), null, true);
  else if (isMlx) add(withoutMlx, null);
}

/** Without the owner, where the name states a format or the owner only re-uploads; bartowski writes `owner_name`. */
function spellings(name: string, isConverted: boolean): readonly string[] {
  const slash = name.indexOf('/');
  if (slash < 0) return [name];
  const last = name.slice(slash + 1);
  if (!isConverted && !reuploaders.has(name.slice(0, slash).toLowerCase())) return [name];
  return last.includes('_') ? [name, last, last.replace('_', '/')] : [name, last];
}

/** `Qwen3-8B-UD-Q4_K_XL` ends with two: `UD-Q4_K_XL` is tried first. */
function mixturesAtEnd(name: string, isGguf: boolean): readonly string[] {
  const pieces = name.split(/[-.]/);
  const candidates = [pieces.slice(-2).join('-'), pieces.at(-1) ?? ''];
  return candidates.filter(
    (text) => text.length < name.length && ggufMixture(text) !== null && (isGguf || !sharedForm.test(text)),
  );
}

/** The format that a remark states, such as `FP8` or `Q4_K_M`; null if it states another thing. */
function formatNamed(text: string): string | null {
  const found = endings.find(([ending]) => ending.test(`-${text}`));
  return found?.[1] ?? ggufMixture(text);
}
