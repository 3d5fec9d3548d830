import type { z } from 'zod';
import { Invalid } from '../domain/errors';

/**
 * An `input` argument as its schema has it.
 * @param what it is, for the message: "source"
 * @throws Invalid naming every fault at once, without the values
 */
export function checkedInput<T extends z.ZodType>(schema: T, input: unknown, what: string): z.infer<T> {
  const parsed = schema.safeParse(input);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) => ({
    path: ['input', ...issue.path.map((part) => (typeof part === 'number' ? part : String(part)))],
    message: issue.message,
  }));
  const [first] = fields;
  throw new Invalid(`The ${what} is not valid: ${first?.path.slice(1).join('.')} ${first?.message}.`, fields);
}
