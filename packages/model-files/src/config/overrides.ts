/** Changes to a config.json that a server's flag states, such as `{"rope_scaling": {"rope_type": "yarn", "factor": 4}}`. */

export type ConfigOverrides = Readonly<Record<string, unknown>>;

/** Sections that hold a config of their own: their keys are overridden one by one, other values as a whole. */
const sectionForm = /_config$/;

/** The other name of a renamed setting. A file has one of the two names. */
const otherNames: ReadonlyMap<string, string> = new Map([
  ['rope_scaling', 'rope_parameters'],
  ['rope_parameters', 'rope_scaling'],
]);

/** Returns the config with the values of the overrides; a config that is no object stays as it is. */
export function overridden(config: unknown, overrides: ConfigOverrides | undefined): unknown {
  if (overrides === undefined || !isObject(config)) return config;
  const merged: Record<string, unknown> = { ...config };
  for (const [key, value] of Object.entries(overrides)) {
    const own = Object.hasOwn(merged, key) ? merged[key] : undefined;
    const isNested = sectionForm.test(key) && isObject(value) && isObject(own);
    merged[key] = isNested ? overridden(own, value) : value;
    const otherName = otherNames.get(key);
    if (otherName !== undefined) delete merged[otherName];
  }
  return merged;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
