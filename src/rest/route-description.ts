import type { FastifyInstance } from 'fastify';
import { z } from 'zod';

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export type JsonSchema = Record<string, unknown>;

/** One answer of a route, for its description. */
export interface AnswerDescription {
  description: string;
  content?: Record<string, { schema: JsonSchema }>;
}

/**
 * Has a scope use the schemas of its routes for /openapi.json alone. Its handlers check what comes, after it was
 * inflated and parsed, and answer in the words of the API that they stand in for.
 */
export function describedOnly(scope: FastifyInstance): void {
  scope.setValidatorCompiler(() => () => true);
  scope.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

/** The JSON Schema of what a shape takes. */
export function schemaOf(shape: z.ZodType): JsonSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input' });
  return schema;
}

/** The body of a route, also where it comes compressed. */
export function jsonBody(schema: JsonSchema): { content: Record<string, { schema: JsonSchema }> } {
  return { content: { 'application/json': { schema } } };
}

export function jsonAnswer(description: string, schema: JsonSchema): AnswerDescription {
  return { description, content: { 'application/json': { schema } } };
}

export function textAnswer(description: string): AnswerDescription {
  return { description, content: { 'text/plain': { schema: { type: 'string' } } } };
}

/** An object with these members, all of them there. */
export function objectOf(properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}
