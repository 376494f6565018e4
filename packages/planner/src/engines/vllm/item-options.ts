/** Flags of vLLM for images, videos and audio of a request, and for the encoders that read them. */
import { type OptionSpec, switchOption } from '../contract/option-spec.ts';
import { type JsonObject, jsonObject, wholeOf } from './json-text.ts';

export interface ItemOptions {
  /** Most items of a request by modality: image, video, audio. */
  readonly itemLimits?: Readonly<Record<string, number>> | undefined;
  /** Pixels of the largest image (--mm-processor-kwargs). */
  readonly imagePixelsMax?: number | undefined;
  readonly processorText?: string | undefined;
  readonly languageModelOnly?: boolean | undefined;
  readonly skipsItemProfile?: boolean | undefined;
  /** How devices share the encoders: slices of the weights, or whole weights and a part of the images. */
  readonly encoderMode?: EncoderMode | undefined;
  /** The older switch for the mode `data`. */
  readonly wholeEncoders?: boolean | undefined;
}

type EncoderMode = 'weights' | 'data';

const encoderModes: readonly EncoderMode[] = ['weights', 'data'];

/** Largest image that a flag may state. */
const pixelsMax = 1e9;

/** `{"image": 2, "video": {"count": 1}}`, or the older `image=2,video=1`. */
function itemLimits(text: string): Readonly<Record<string, number>> | null {
  const object = jsonObject(text) ?? pairsOf(text);
  if (object === null) return null;
  const limits: Record<string, number> = {};
  for (const [modality, value] of Object.entries(object)) {
    const counted = typeof value === 'object' && value !== null && 'count' in value ? value.count : value;
    const count = wholeOf(counted, 100_000);
    if (count === null) return null;
    limits[modality] = count;
  }
  return limits;
}

function pairsOf(text: string): Readonly<Record<string, unknown>> | null {
  const pairs = text.split(',').map((part) => /^\s*(\w{1,20})=(\d{1,6})\s*$/.exec(part));
  if (pairs.some((pair) => pair === null)) return null;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1] ?? '', Number(pair?.[2])]));
}

export const itemOptions: readonly OptionSpec<ItemOptions>[] = [
  {
    name: 'limit-mm-per-prompt',
    flags: ['--limit-mm-per-prompt'],
    value: '<json>',
    words: 'most images, videos or audios of a request',
    limit: 'counts such as {"image": 2, "video": 0} or image=2',
    field: null,
    read: (text) => {
      const limits = itemLimits(text);
      return limits === null ? null : { itemLimits: limits };
    },
    write: ({ itemLimits: limits }) => (limits === undefined ? null : JSON.stringify(limits)),
  },
  {
    name: 'mm-processor-kwargs',
    flags: ['--mm-processor-kwargs'],
    value: '<json>',
    words: 'sizes of images',
    limit: 'a JSON object such as {"max_pixels": 1003520}',
    field: null,
    read: (text) => {
      const value = jsonObject(text);
      if (value === null) return null;
      const size = typeof value.size === 'object' && value.size !== null ? (value.size as JsonObject) : {};
      const most = wholeOf(value.max_pixels, pixelsMax) ?? wholeOf(size.longest_edge, pixelsMax);
      return { ...(most !== null && { imagePixelsMax: most }), processorText: text };
    },
    write: ({ processorText }) => processorText ?? null,
  },
  switchOption<ItemOptions>(
    {
      name: 'language-model-only',
      flags: ['--language-model-only'],
      words: 'no encoders of images or audio',
    },
    { languageModelOnly: true },
    ({ languageModelOnly }) => languageModelOnly === true,
  ),
  switchOption<ItemOptions>(
    { name: 'skip-mm-profiling', flags: ['--skip-mm-profiling'], words: 'encoders are not profiled' },
    { skipsItemProfile: true },
    ({ skipsItemProfile }) => skipsItemProfile === true,
  ),
  {
    name: 'mm-encoder-tp-mode',
    flags: ['--mm-encoder-tp-mode'],
    value: '<mode>',
    words: 'how devices share the encoders of images and audio',
    limit: encoderModes.join(', '),
    field: null,
    read: (text) => {
      const encoderMode = encoderModes.find((mode) => mode === text);
      return encoderMode === undefined ? null : { encoderMode };
    },
    write: ({ encoderMode }) => encoderMode ?? null,
  },
  switchOption<ItemOptions>(
    {
      name: 'enable-multimodal-encoder-data-parallel',
      flags: ['--enable-multimodal-encoder-data-parallel'],
      words: 'each device holds the whole encoders',
    },
    { wholeEncoders: true },
    ({ wholeEncoders }) => wholeEncoders === true,
  ),
];
