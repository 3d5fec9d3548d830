import { type DocumentNode, GraphQLError, type GraphQLSchema, getOperationAST, parse } from 'graphql';
import { Invalid } from '../domain/errors';
import { DOCUMENT_LIMITS, requireShallow, requireWithinLimits } from '../graphql/limits/document-limits';
import { COST_LIMIT, costOf } from '../graphql/limits/operation-cost';
import { type AskedDocument, type PersistedOperations, sha256 } from './persisted-operations';
import type { RequestRates, Spender, Told } from './request-rates';

/** A request to run an operation, as it came. */
export interface AskedOperation extends AskedDocument {
  operationName?: unknown;
  variables?: unknown;
}

/** What was let in. */
export interface Admitted {
  /** Undefined where the request names no document. */
  text: string | undefined;
  /** Undefined where the text is not GraphQL: whoever parses it next tells why. */
  document: DocumentNode | undefined;
}

/** Characters of documents that are remembered: as trees they take some twenty times as much, at worst 150 times. */
const REMEMBERED_CHARACTERS = 256 * 1024;
const TOO_MANY_TOKENS = /^Syntax Error: Document contains more that? \d+ tokens/;

/** Decides whether an operation may run, over HTTP and WebSocket alike, before anything else looks at its document. */
export class Admission {
  private readonly documents = new DocumentMemory();

  constructor(
    private readonly parts: { schema: GraphQLSchema; rates: RequestRates; persisted: PersistedOperations },
  ) {}

  /**
   * Takes the operation's cost off what its caller may spend, a point where it is refused; both are noted in `told`.
   * @throws Invalid, CostExceeded, RateLimited, Forbidden or PersistedQueryFault where it may not run
   */
  async admit(asked: AskedOperation, spender: Spender, told: Told): Promise<Admitted> {
    const { rates } = this.parts;
    let points = 1;
    try {
      const admitted = this.read(asked);
      points = this.cost(asked, admitted);
      told.cost = { requested: points, limit: COST_LIMIT };
      return admitted;
    } finally {
      await rates.spend(spender, points, told);
    }
  }

  /** Somebody was refused for another reason, as a token that does not hold: that counts as well. */
  async countRefusal(ip: string | null, told: Told): Promise<void> {
    await this.parts.rates.spend({ caller: null, ip }, 1, told);
  }

  private read(asked: AskedOperation): Admitted {
    const text = this.parts.persisted.textOf(asked);
    requireShallow(asked.variables);
    return { text, document: text === undefined ? undefined : this.documents.read(text) };
  }

  private cost(asked: AskedOperation, { document }: Admitted): number {
    if (!document) return 1;
    const name = typeof asked.operationName === 'string' ? asked.operationName : null;
    const operation = getOperationAST(document, name);
    return operation ? costOf(this.parts.schema, document, operation, variablesOf(asked)) : 1;
  }
}

/** Variables of another shape are refused by whoever runs the operation. */
function variablesOf({ variables }: AskedOperation): Record<string, unknown> {
  const isObject = typeof variables === 'object' && variables !== null && !Array.isArray(variables);
  return isObject ? (variables as Record<string, unknown>) : {};
}

/** Documents that are within the limits, parsed; those used last are remembered. */
class DocumentMemory {
  private readonly known = new Map<string, { document: DocumentNode; characters: number }>();
  private characters = 0;

  /** @returns undefined where the text is not GraphQL. @throws Invalid, CostExceeded where it passes a limit */
  read(text: string): DocumentNode | undefined {
    const key = sha256(text);
    const known = this.known.get(key);
    if (known) {
      this.known.delete(key);
      this.known.set(key, known);
      return known.document;
    }
    const document = parsed(text);
    if (!document) return undefined;
    requireWithinLimits(document);
    this.remember(key, document, text.length);
    return document;
  }

  private remember(key: string, document: DocumentNode, characters: number): void {
    this.known.set(key, { document, characters });
    this.characters += characters;
    for (const [oldest, { characters: freed }] of this.known) {
      if (this.characters <= REMEMBERED_CHARACTERS) break;
      this.known.delete(oldest);
      this.characters -= freed;
    }
  }
}

function parsed(text: string): DocumentNode | undefined {
  const { tokens } = DOCUMENT_LIMITS;
  try {
    return parse(text, { maxTokens: tokens });
  } catch (error) {
    if (error instanceof GraphQLError && !TOO_MANY_TOKENS.test(error.message)) return undefined;
    throw new Invalid(
      error instanceof GraphQLError
        ? `The document has more than ${tokens.toLocaleString('en-US')} tokens, which is the most that is allowed: send lists as variables, and ask in several requests.`
        : 'The document nests too deeply to be read.',
    );
  }
}
