/** The schema of data/regions.json. Tests and people who add a region use it; the runtime reads the data without it. */
import { z } from 'zod';
import { provenanceSchema } from './hardware-schema.ts';

const regionSchema = z.strictObject({
  /** The provider's own name: `europe-west9`. */
  id: z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/),
  city: z.string().min(1),
  /** ISO 3166-1 alpha-2. */
  country: z.string().regex(/^[A-Z]{2}$/),
  /** Grams of CO2 equivalent per kWh of the local grid. */
  gramsPerKwh: z.number().positive().max(2000),
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
});

export const regionsSchema = z.strictObject({
  id: z.literal('regions'),
  name: z.string().min(1),
  provenance: z.strictObject({ carbon: provenanceSchema, place: provenanceSchema }),
  regions: z.array(regionSchema).min(1),
});
