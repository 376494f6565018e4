/** `plimsoll schema`: prints the JSON Schema of a command's --json output. */
import { PlimsollError } from '@plimsoll/foundation';
import { Command } from 'commander';
import { printJson } from '../output.ts';

export function schemaCommand(): Command {
  return new Command('schema')
    .description("Print the JSON Schema of a command's --json output")
    .argument(
      '<command>',
      'plan, compare, rank, solve, simulate, scenario, zoo, validate, audit, run, bench, inspect, pull, features, explain or error',
    )
    .option('--json', 'no effect: a schema is always JSON')
    .action(async (name: string) => {
      // Imported only here, because building schemas takes longer than a plan.
      const { jsonSchemaOf, schemaNames } = await import('../json-schemas.ts');
      const schema = jsonSchemaOf(name);
      if (schema === null) {
        throw new PlimsollError({
          code: 'unknown-schema',
          message: `there is no schema for "${name}"`,
          value: name,
          limit: schemaNames.join(', '),
        });
      }
      printJson(schema);
    });
}
