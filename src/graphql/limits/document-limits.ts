import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { CostExceeded, Invalid } from '../../domain/errors';

/** Of a document, over HTTP and WebSocket alike (requirements C1). A fragment counts each time it is spread. */
export const DOCUMENT_LIMITS = {
  depth: 10,
  aliases: 15,
  rootFields: 10,
  directives: 10,
  tokens: 2_000,
  /** Fields and fragments: graphql-js compares those of one name in pairs, 500 of them within 50 ms. */
  selections: 500,
} as const;

interface Sizes {
  depth: number;
  aliases: number;
  rootFields: number;
  directives: number;
  selections: number;
}

/** graphql-js bounds how deep an introspection goes (MaxIntrospectionDepthRule); an IDE's is deeper than our 10. */
const INTROSPECTION = new Set(['__schema', '__type']);

const REMEDIES: Readonly<Record<'depth' | 'aliases' | 'rootFields' | 'directives', [string, string]>> = {
  depth: ['levels of fields', 'ask for what lies deeper in a request of its own'],
  aliases: ['aliases', 'ask in several requests, or by a filter that takes a list'],
  rootFields: ['fields at its root', 'ask for them in several requests'],
  directives: ['directives', 'leave out of the document what is not wanted'],
};

/**
 * Runs before graphql-js validates: that takes quadratic time for equal fields and a stack overflow for circles.
 * @throws Invalid telling every limit that an operation of the document passes, what was found and what to do
 * @throws CostExceeded where its fragments unfold to too many fields
 */
export function requireWithinLimits(document: DocumentNode): void {
  const measure = new Measure(document);
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) measure.fragment(definition.name.value);
    if (definition.kind === Kind.OPERATION_DEFINITION) requireSmall(measure.operation(definition));
  }
}

function requireSmall(found: Sizes): void {
  const faults = (['depth', 'aliases', 'rootFields', 'directives'] as const)
    .filter((name) => found[name] > DOCUMENT_LIMITS[name])
    .map((name) => {
      const [what, remedy] = REMEDIES[name];
      return `The operation has ${numeral(found[name])} ${what}, at most ${DOCUMENT_LIMITS[name]} are allowed: ${remedy}.`;
    });
  if (faults.length > 0) throw new Invalid(faults.join(' '));
  if (found.selections > DOCUMENT_LIMITS.selections) {
    throw new CostExceeded(
      `The operation selects ${numeral(found.selections)} fields and fragments once its fragments are unfolded, at most ${DOCUMENT_LIMITS.selections} are allowed: ask in several requests.`,
    );
  }
}

/**
 * Of lists and objects within each other in the variables. graphql-js overflows its stack at some thousands; records
 * of CloudTrail nest by about ten.
 */
export const VARIABLE_NESTING = 500;

/** @throws Invalid where the variables nest too deeply for those who read them */
export function requireShallow(variables: unknown): void {
  let level = [variables];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > VARIABLE_NESTING) {
      throw new Invalid(
        `The variables nest more than ${VARIABLE_NESTING} levels deep, which is the most that is allowed: send records that do to /ingest.`,
      );
    }
    const next: unknown[] = [];
    for (const value of level)
      if (typeof value === 'object' && value !== null)
        for (const member of Object.values(value)) next.push(member);
    level = next;
  }
}

/** Fragments in fragments unfold to numbers without end. */
export function numeral(count: number): string {
  return count > 1_000_000 ? 'more than 1,000,000' : count.toLocaleString('en-US');
}

/** Measures operations; each fragment once, however often it is spread. */
class Measure {
  private readonly fragments = new Map<string, FragmentDefinitionNode>();
  private readonly known = new Map<string, Sizes>();
  private readonly open = new Set<string>();

  constructor(document: DocumentNode) {
    for (const definition of document.definitions)
      if (definition.kind === Kind.FRAGMENT_DEFINITION) this.fragments.set(definition.name.value, definition);
  }

  operation(operation: OperationDefinitionNode): Sizes {
    const sizes = this.selections(operation.selectionSet);
    sizes.directives += operation.directives?.length ?? 0;
    for (const variable of operation.variableDefinitions ?? [])
      sizes.directives += variable.directives?.length ?? 0;
    return sizes;
  }

  /** What stands for the fragment wherever it is spread. @throws Invalid where it spreads itself */
  fragment(name: string): Sizes {
    const known = this.known.get(name);
    if (known) return known;
    const definition = this.fragments.get(name);
    if (!definition) return nothing(); // graphql-js tells of those that are not there.
    if (this.open.has(name)) {
      throw new Invalid(
        `The fragments ${[...this.open, name].slice(-5).join(', ')} spread each other in a circle: take one spread out.`,
      );
    }
    this.open.add(name);
    const sizes = this.selections(definition.selectionSet);
    sizes.directives += definition.directives?.length ?? 0;
    this.open.delete(name);
    this.known.set(name, sizes);
    return sizes;
  }

  private selections(set: SelectionSetNode): Sizes {
    const total = nothing();
    for (const selection of set.selections) {
      const own = this.selection(selection);
      total.depth = Math.max(total.depth, own.depth);
      total.aliases += own.aliases;
      total.rootFields += own.rootFields;
      total.directives += own.directives + (selection.directives?.length ?? 0);
      total.selections += own.selections + 1;
    }
    return total;
  }

  private selection(selection: SelectionNode): Sizes {
    if (selection.kind === Kind.FRAGMENT_SPREAD) return this.fragment(selection.name.value);
    if (selection.kind === Kind.INLINE_FRAGMENT) return this.selections(selection.selectionSet);
    const below = selection.selectionSet ? this.selections(selection.selectionSet) : nothing();
    return {
      ...below,
      depth: INTROSPECTION.has(selection.name.value) ? 1 : below.depth + 1,
      aliases: below.aliases + (selection.alias ? 1 : 0),
      rootFields: 1,
    };
  }
}

function nothing(): Sizes {
  return { depth: 0, aliases: 0, rootFields: 0, directives: 0, selections: 0 };
}
