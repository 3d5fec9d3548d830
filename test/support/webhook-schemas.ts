import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020, { type ValidateFunction } from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

const FOLDER = join(__dirname, '../../schema/webhooks');

/** Every schema under schema/webhooks by its file's name, compiled; what is doubtful in one of them throws. */
export function webhookSchemas(): Map<string, ValidateFunction> {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, allErrors: true });
  addFormats(ajv);
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  for (const name of names) ajv.addSchema(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as object);
  return new Map(names.map((name) => [name, ajv.getSchema(name)!]));
}
