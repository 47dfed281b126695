/**
 * Writes what is generated from the schema of the config and from the table of the stats: doc comments, the reference's tables, and
 * `docs/pxe.schema.json`.
 *
 *     node scripts/docs.ts
 */
import { writeFileSync } from 'node:fs';
import { generatedFiles } from './lib/generated-docs.ts';

for (const [file, text] of generatedFiles()) writeFileSync(new URL(`../${file}`, import.meta.url), text);
