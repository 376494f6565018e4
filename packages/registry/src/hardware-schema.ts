/**
 * The schema of a hardware record. Tests, tools and people who add a record use it; the runtime reads the shipped data
 * without it, because importing zod costs more start-up time than the whole registry. Other files import the types with
 * `import type`, which adds nothing at run time.
 */
import { z } from 'zod';

const kebabCase = z.string().regex(/^[a-z0-9]+(-[a-z0-9.]+)*$/, 'ids are kebab case');
const wholeBytes = z.int().positive();
const positive = z.number().positive();
/** The date of the source: a year, a month or a day, as far as it is known. */
const sourceDate = z.string().regex(/^\d{4}(-\d{2}(-\d{2})?)?$/, 'YYYY, YYYY-MM or YYYY-MM-DD');

export const provenanceSchema = z.strictObject({
  /**
   * A machine printed a `measured` value; other fields give a `derived` value; a `convention` replaces a fact that is
   * not known.
   */
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
  /** The vendor's own figure: "80 GB". DRAM sizes are powers of two, so `nominalBytes` reads it as GiB. */
  marketed: z.string().min(1),
  nominalBytes: wholeBytes,
  /** The most that a process can use: total memory as the driver reports it, before any context is created. */
  usableBytes: wholeBytes,
  bandwidthBytesPerSecond: positive,
  /** True if processor and accelerator share this memory. */
  unified: z.boolean(),
});

/** The same silicon sold with another amount of memory. */
export const variantSchema = z.strictObject({
  suffix: kebabCase,
  marketed: z.string().min(1),
  nominalBytes: wholeBytes,
  usableBytes: wholeBytes,
  /** The bare name of a record means its default variant; exactly one variant is the default. */
  default: z.literal(true).optional(),
  aliases: z.array(z.string().min(1)).optional(),
});

const hardwareShape = z.strictObject({
  id: kebabCase,
  name: z.string().min(1),
  /** Names that mean this record and no other, including driver spellings. Two records may not claim the same alias. */
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
  /** Why no language models are served on this device. Absent on devices that serve them. */
  noLanguageModels: z.string().min(1).optional(),
  architecture: z.string().min(1),
  /** CUDA compute capability such as "9.0"; engines choose kernels and defaults from it. */
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
  /** Accelerators in this record: 1, or more if the record describes a whole rack. */
  deviceCount: z.int().positive(),
  /** Streaming multiprocessors (NVIDIA) or compute units (AMD) of all devices; null where the term does not apply. */
  multiprocessors: z.int().positive().nullable(),
  memory: memorySchema,
  variants: z.array(variantSchema).min(2).optional(),
  /** Fast on-chip memory that may hold weights; the plan must know if it cannot. */
  sram: z.strictObject({ bytes: wholeBytes, bandwidthBytesPerSecond: positive.optional() }).optional(),
  rates: ratesSchema,
  links: z.array(linkSchema),
  tdpWatts: positive.nullable(),
  /** Time that each kernel launch or dispatched step costs, independent of its size. */
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

/** Checks the rules between fields; returns one message per broken rule. */
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

export type HardwareRates = z.infer<typeof ratesSchema>;
/** A record as its file holds it, including memory variants. */
export type HardwareFile = z.infer<typeof hardwareSchema>;
/** One device with one amount of memory: the hardware that a plan is made for. */
export type HardwareRecord = Readonly<Omit<HardwareFile, 'variants'>>;
