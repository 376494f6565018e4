/** Writes docs/solvers.md from the definitions of the solvers: node tools/build-solver-page.ts */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { solverPage, solvers } from '@plimsoll/planner/solve';

writeFileSync(join(import.meta.dirname, '../docs/solvers.md'), `${solverPage(solvers)}\n`);
