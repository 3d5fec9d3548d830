/**
 * A GraphQL document that knows its result and its variables: those of `@trailgraph/client/documents`, what a code
 * generator makes of your own, or a plain text, whose types are then given by hand.
 */
export interface TypedDocument<Result, Variables> {
  toString(): string;
  /** Carries the types; never there. */
  __apiType?: (variables: Variables) => Result;
}

/**
 * Whether a subscription can go on after the last event that it gave: it selects `cursor` of `eventEnriched` and takes
 * the variable `after`.
 */
export function resumes(document: string): boolean {
  return (
    /\beventEnriched\s*\([^)]*\bafter\s*:\s*\$after\b/.test(document) &&
    /\$after\s*:/.test(document) &&
    /\bcursor\b/.test(document)
  );
}

/** The cursor in a result of a document that resumes; null where it has none, by an alias for one. */
export function cursorOf(data: unknown): string | null {
  const { eventEnriched } = (data ?? {}) as { eventEnriched?: { cursor?: unknown } | null };
  return typeof eventEnriched?.cursor === 'string' ? eventEnriched.cursor : null;
}
