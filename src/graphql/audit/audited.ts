import type { GraphQLField, GraphQLSchema } from 'graphql';
import type { AuditAttempt, AuditFinding, AuditTrail } from '../../auth/audit-trail';
import { normalEmail } from '../../domain/user';
import type { Context } from '../context';
import { maskedArguments } from './masked-arguments';

/** Mutations by which somebody becomes known. They have bounds of their own. */
const SIGN_IN = new Set(['signUp', 'login', 'refreshSession']);

/**
 * Has every mutation of the schema recorded, also those that are refused for want of a role. It stands around the
 * resolvers, so none can be forgotten.
 */
export function auditMutations(schema: GraphQLSchema, audit: AuditTrail): void {
  for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
    const { resolve } = field;
    if (!resolve) throw new Error(`the mutation ${field.name} has no resolver to audit`);
    field.resolve = (root, args, context: Context, info) => {
      const attempt = attemptOf(field, args as Record<string, unknown>, context);
      const work = async (): Promise<unknown> => resolve(root, args, context, info);
      if (SIGN_IN.has(field.name)) return audit.signIn(attempt, work, signedIn);
      if (context.caller === null) return audit.refuse(attempt, work);
      return audit.run(attempt, work, (result) => ({ target: attempt.target ?? targetOf(result) }));
    };
  }
}

function attemptOf(
  { name, args: definitions }: GraphQLField<unknown, Context>,
  args: Record<string, unknown>,
  { caller, ip, requestId }: Context,
): AuditAttempt {
  return {
    actor: caller?.name ?? 'anonymous',
    action: name,
    target: namedTarget(args),
    ip,
    requestId,
    changes: maskedArguments(definitions, args),
  };
}

/** What the caller says that is to be changed. */
function namedTarget({ id, webhookId, sourceId, input }: Record<string, unknown>): string | null {
  const { sourceId: inner, email } = (input ?? {}) as Record<string, unknown>;
  const named = [id, webhookId, sourceId, inner].find((each) => typeof each === 'string');
  if (typeof named === 'string') return named;
  return typeof email === 'string' ? normalEmail(email) : null;
}

/** The id of what was made: of the object itself, or of the one object in a payload. */
function targetOf(result: unknown): string | null {
  if (typeof result !== 'object' || result === null) return null;
  const holder = [result, ...Object.values(result)].find(
    (each): each is { id: string } =>
      typeof each === 'object' && each !== null && typeof (each as { id?: unknown }).id === 'string',
  );
  return holder?.id ?? null;
}

function signedIn(result: unknown): AuditFinding {
  const { user } = result as { user: { id: string; email: string } };
  return { actor: user.email, target: user.id };
}
