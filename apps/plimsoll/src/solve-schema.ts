/** The schema of `plimsoll solve --json`, made from the definitions of the solvers. */
import { type OutputSpec, type Solver, solvers } from '@plimsoll/planner/solve';
import { z } from 'zod';

type Shape = Readonly<Record<string, z.ZodType>>;

function shapeOf(specs: Readonly<Record<string, OutputSpec>>): Shape {
  return Object.fromEntries(
    Object.entries(specs).map(([name, { unit, words }]) => [
      name,
      valueSchema(unit).describe(describe(unit, words)),
    ]),
  );
}

/** A number is null where the question gives it no value. */
function valueSchema(unit: OutputSpec['unit']): z.ZodType {
  if (unit === 'boolean') return z.boolean();
  return unit === 'text' ? z.string().nullable() : z.number().nullable();
}

function describe(unit: OutputSpec['unit'], words: string): string {
  return unit === 'boolean' || unit === 'text' ? words : `${unit}: ${words}`;
}

function inputsOf({ inputs }: Solver): Shape {
  return Object.fromEntries(
    Object.entries(inputs).map(([name, spec]) => {
      if (spec.kind === 'choice') return [name, z.enum(spec.options).describe(spec.words)];
      const value = spec.kind === 'numbers' ? z.array(z.number()) : z.number();
      const words = `${spec.unit}: ${spec.words}`;
      return [name, (spec.default === null ? value.nullable() : value).describe(words)];
    }),
  );
}

export const solveSchema: z.ZodType = z.union(
  solvers.map((solver) =>
    z.strictObject({
      solver: z.literal(solver.name),
      inputs: z.strictObject(inputsOf(solver)),
      outputs: z.strictObject(shapeOf(solver.outputs)),
      rows: solver.columns === null ? z.null() : z.array(z.strictObject(shapeOf(solver.columns))),
      notes: z.array(z.string()),
    }),
  ),
);
