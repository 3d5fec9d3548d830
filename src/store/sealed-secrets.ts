import type { Collection, Db, Document } from 'mongodb';
import type { Sealed } from '../domain/source';
import { QUERY_MS } from './connection';

/** A secret as it stands in the database, and where. */
export interface StoredSecret {
  collection: string;
  id: string;
  /** Where it was sealed for. */
  field: string;
  sealed: Sealed;
  /** Where it stands in its document. */
  path: string;
}

/** A collection that holds secrets: which of its documents, and which secrets are in one. */
interface Holder {
  collection: string;
  /** Which documents hold a secret whose master key is one of these. */
  withKey: (keyId: Document) => Document[];
  secretsOf: (document: Document) => Pick<StoredSecret, 'field' | 'path' | 'sealed'>[];
}

/** Every place of the database where a secret is sealed. The signing keys come first: they decide whether a server starts. */
const HOLDERS: readonly Holder[] = [
  {
    collection: 'signing_keys',
    withKey: (keyId) => [{ 'privateJwk.keyId': keyId }],
    secretsOf: ({ privateJwk }) => one('privateJwk', privateJwk),
  },
  {
    collection: 'sources',
    withKey: (keyId) => [{ 'aws.staticKeys.keyId': keyId }],
    secretsOf: ({ aws }) => one('aws.staticKeys', (aws as Document | null)?.staticKeys),
  },
  {
    collection: 'webhooks',
    withKey: (keyId) => [
      { 'secret.keyId': keyId },
      { oldSecrets: { $elemMatch: { 'secret.keyId': keyId } } },
      { 'signingKey.privateKey.keyId': keyId },
      { headers: { $elemMatch: { 'value.keyId': keyId } } },
    ],
    secretsOf: ({ secret, oldSecrets, signingKey, headers }) => [
      ...one('secret', secret),
      // Sealed for the place that they once stood in.
      ...((oldSecrets ?? []) as { secret: unknown }[]).flatMap((old, index) =>
        one('secret', old.secret, `oldSecrets.${index}.secret`),
      ),
      ...one('signingKey', (signingKey as Document | null)?.privateKey, 'signingKey.privateKey'),
      ...((headers ?? []) as { name: string; value: unknown }[]).flatMap(({ name, value }, index) =>
        one(`headers.${name.toLowerCase()}`, value, `headers.${index}.value`),
      ),
    ],
  },
];

const DOCUMENTS_AT_A_TIME = 100;

/** All sealed secrets of the database, wherever they stand; of deleted sources and webhooks too. */
export class SealedSecretStore {
  constructor(private readonly db: Db) {}

  /** All of them, a few documents at a time. */
  async *all(): AsyncGenerator<StoredSecret> {
    for (const { collection, secretsOf } of HOLDERS) {
      const documents = this.collection(collection)
        .find({}, { batchSize: DOCUMENTS_AT_A_TIME, maxTimeMS: QUERY_MS })
        .sort({ _id: 1 });
      for await (const document of documents) {
        for (const secret of secretsOf(document)) yield { collection, id: String(document._id), ...secret };
      }
    }
  }

  /** A secret that none of these master keys sealed; null where there is none. */
  async foreign(keyIds: string[]): Promise<StoredSecret | null> {
    for (const { collection, withKey, secretsOf } of HOLDERS) {
      const found = await this.collection(collection).findOne(
        { $or: withKey({ $exists: true, $nin: keyIds }) },
        { maxTimeMS: QUERY_MS },
      );
      const secret = found && secretsOf(found).find(({ sealed }) => !keyIds.includes(String(sealed.keyId)));
      if (secret) return { collection, id: String(found._id), ...secret };
    }
    return null;
  }

  /** Puts the rewrapped secret in its place, unless what stands there has changed. @returns whether it did */
  async replace({ collection, id, path, sealed }: StoredSecret, rewrapped: Sealed): Promise<boolean> {
    const result = await this.collection(collection).updateOne(
      { _id: id, [`${path}.wrappedKey`]: sealed.wrappedKey },
      { $set: { [`${path}.keyId`]: rewrapped.keyId, [`${path}.wrappedKey`]: rewrapped.wrappedKey } },
    );
    return result.matchedCount === 1;
  }

  private collection(name: string): Collection<{ _id: string } & Document> {
    return this.db.collection(name);
  }
}

function one(
  field: string,
  sealed: unknown,
  path = field,
): Pick<StoredSecret, 'field' | 'path' | 'sealed'>[] {
  return typeof sealed === 'object' && sealed !== null ? [{ field, path, sealed: sealed as Sealed }] : [];
}
