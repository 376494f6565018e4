/**
 * What a hardware record may say. The schema is for tests, tools and people who add a record; the runtime reads shipped
 * data without it, because importing zod costs more start-up time than the whole registry. Types come from here through
 * `import type`, which leaves nothing behind at run time.
 */
import { z } from 'zod';

const kebabCase = z.string().regex(/^[a-z0-9]+(-[a-z0-9.]+)*$/, 'ids are kebab case');
const wholeBytes = z.int().positive();
const positive = z.number().positive();
/** A year, a month or a day: what is known of when the source said it. */
const sourceDate = z.string().regex(/^\d{4}(-\d{2}(-\d{2})?)?$/, 'YYYY, YYYY-MM or YYYY-MM-DD');

export const provenanceSchema = z.strictObject({
  /** `measured` was printed by a machine, `derived` computed from other fields, `convention` chosen for want of a fact. */
  kind: z.enum(['datasheet', 'literature', 'measured', 'estimate', 'derived', 'convention']),
  ref: z.string().min(1),
  url: z.url().optional(),
  date: sourceDate.optional(),
  note: z.string().min(1).optional(),
});

export const linkSchema = z.strictObject({
  kind: z.enum(['nvlink', 'nvlink-c2c', 'pcie', 'xgmi', 'ici', 'roce', 'neuronlink', 'fabric']),
  name: z.string().min(1),
  bytesPerSecondPerDirection: positive,
  comment: z.string().min(1).optional(),
});

/** Dense operations per second by operand type; integer types count operations, not FLOP. Never sparse figures. */
export const ratesSchema = z.strictObject({
  fp32: positive.optional(),
  tf32: positive.optional(),
  fp16: positive.optional(),
  bf16: positive.optional(),
  fp8: positive.optional(),
  fp4: positive.optional(),
  int8: positive.optional(),
  int4: positive.optional(),
});

export const memorySchema = z.strictObject({
  /** Technology: HBM3, GDDR6X, "LPDDR5 unified". */
  kind: z.string().min(1),
  /** The vendor's own words: "80 GB". DRAM comes in powers of two, so `nominalBytes` reads them as GiB. */
  marketed: z.string().min(1),
  nominalBytes: wholeBytes,
  /** What a process can hope for: total memory as the driver reports it, before any context is created. */
  usableBytes: wholeBytes,
  bandwidthBytesPerSecond: positive,
  /** True when processor and accelerator share it. */
  unified: z.boolean(),
});

/** The same silicon sold with another amount of memory. */
export const variantSchema = z.strictObject({
  suffix: kebabCase,
  marketed: z.string().min(1),
  nominalBytes: wholeBytes,
  usableBytes: wholeBytes,
  /** Exactly one variant of a record is what its bare name means. */
  default: z.literal(true).optional(),
  aliases: z.array(z.string().min(1)).optional(),
});

const hardwareShape = z.strictObject({
  id: kebabCase,
  name: z.string().min(1),
  /** Names that mean this record and no other, driver spellings included. Two records may not claim one alias. */
  aliases: z.array(z.string().min(1)),
  vendor: z.string().min(1),
  class: z.enum([
    'datacenter',
    'workstation',
    'consumer',
    'integrated',
    'apple',
    'cpu',
    'edge',
    'mobile',
    'wafer',
    'rack',
    'tiny',
  ]),
  architecture: z.string().min(1),
  /** CUDA compute capability such as "9.0"; engines choose kernels and defaults by it. */
  computeCapability: z
    .string()
    .regex(/^\d+\.\d$/)
    .nullable(),
  /** LLVM target of an AMD GPU, such as "gfx942". */
  gfxTarget: z
    .string()
    .regex(/^gfx[0-9a-f]+$/)
    .nullable(),
  releaseYear: z.int().min(2006).max(2100),
  /** Accelerators behind one record: 1, or more for a rack that a record describes as a whole. */
  deviceCount: z.int().positive(),
  /** Streaming multiprocessors (NVIDIA) or compute units (AMD) of all devices; null where the notion has no use. */
  multiprocessors: z.int().positive().nullable(),
  memory: memorySchema,
  variants: z.array(variantSchema).min(2).optional(),
  /** Fast memory on the chip, where a plan may keep weights or must know that it cannot. */
  sram: z.strictObject({ bytes: wholeBytes, bandwidthBytesPerSecond: positive.optional() }).optional(),
  rates: ratesSchema,
  links: z.array(linkSchema),
  tdpWatts: positive.nullable(),
  /** Time one kernel launch or dispatched step costs whatever its size. */
  dispatchSeconds: positive,
  pricePerHourUsd: positive.nullable(),
  unitCostUsd: positive.nullable(),
  provenance: z.strictObject({
    memory: provenanceSchema,
    usable: provenanceSchema,
    rates: provenanceSchema,
    links: provenanceSchema.optional(),
    power: provenanceSchema.optional(),
    dispatch: provenanceSchema,
    price: provenanceSchema.optional(),
    unitCost: provenanceSchema.optional(),
  }),
  notes: z.string().min(1).optional(),
});

/** Rules between fields, each as the message its breach is told with. */
function brokenRules(hardware: z.infer<typeof hardwareShape>): readonly string[] {
  const { memory, variants, provenance } = hardware;
  const defaults = variants?.filter((variant) => variant.default === true) ?? [];
  const sizes = [memory, ...(variants ?? [])];
  const rules: readonly (readonly [boolean, string])[] = [
    [sizes.every((size) => size.usableBytes <= size.nominalBytes), 'usable memory exceeds nominal memory'],
    [variants === undefined || defaults.length === 1, 'exactly one variant is the default'],
    [
      defaults.every((variant) => variant.usableBytes === memory.usableBytes),
      'memory repeats the sizes of the default variant',
    ],
    [Object.keys(hardware.rates).length > 0, 'at least one rate is known'],
    [
      hardware.links.length > 0 === (provenance.links !== undefined),
      'links and their provenance go together',
    ],
    [
      (hardware.tdpWatts !== null) === (provenance.power !== undefined),
      'power and its provenance go together',
    ],
    [
      (hardware.pricePerHourUsd !== null) === (provenance.price !== undefined),
      'a price and its provenance go together',
    ],
    [
      (hardware.unitCostUsd !== null) === (provenance.unitCost !== undefined),
      'a unit cost and its provenance go together',
    ],
    [
      provenance.price === undefined ||
        (provenance.price.url !== undefined && provenance.price.date !== undefined),
      'a price has an address and a date',
    ],
  ];
  return rules.filter(([holds]) => !holds).map(([, message]) => message);
}

export const hardwareSchema = hardwareShape.superRefine((hardware, context) => {
  for (const message of brokenRules(hardware)) context.addIssue({ code: 'custom', message });
});

export type Provenance = z.infer<typeof provenanceSchema>;
export type HardwareLink = z.infer<typeof linkSchema>;
export type HardwareRates = z.infer<typeof ratesSchema>;
export type HardwareMemory = z.infer<typeof memorySchema>;
/** A record as its file holds it, memory variants included. */
export type HardwareFile = z.infer<typeof hardwareSchema>;
/** One piece of hardware with one amount of memory: what a plan is made for. */
export type HardwareRecord = Readonly<Omit<HardwareFile, 'variants'>>;
