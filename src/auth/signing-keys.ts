import type { JWK } from 'jose';
import type { Sealed } from '../domain/source';
import { AccessTokens, generateSigningKey } from './access-tokens';
import type { SealedSecret, SecretBox } from './secret-box';

interface KeptKey {
  _id: string;
  kid: string;
  publicJwk: object;
  privateJwk: Sealed;
  createdAt: Date;
}

/** Where signing keys are kept. `add` does nothing where a key of that id is there. */
export interface SigningKeyKeeper {
  all(): Promise<KeptKey[]>;
  add(key: KeptKey): Promise<void>;
}

const FIRST_KEY = 'signing-1';
const COLLECTION = 'signing_keys';
const FIELD = 'privateJwk';
const AUDIENCE = 'trailgraph-api';

/**
 * The access tokens of this installation. Its first signing key is made at the first start.
 * @throws WrongMasterKey where the keys were sealed under another master key
 */
export async function openAccessTokens(
  keeper: SigningKeyKeeper,
  box: SecretBox,
  now: Date,
): Promise<AccessTokens> {
  if ((await keeper.all()).length === 0) {
    const { kid, privateJwk, publicJwk, createdAt } = await generateSigningKey(now);
    const sealed = box.seal(JSON.stringify(privateJwk), {
      collection: COLLECTION,
      id: FIRST_KEY,
      field: FIELD,
    });
    await keeper.add({ _id: FIRST_KEY, kid, publicJwk, privateJwk: sealed, createdAt });
  }
  const keys = (await keeper.all()).map((key) => ({
    kid: key.kid,
    createdAt: key.createdAt,
    publicJwk: key.publicJwk as JWK,
    privateJwk: JSON.parse(
      box
        .open(key.privateJwk as SealedSecret, { collection: COLLECTION, id: key._id, field: FIELD })
        .toString('utf8'),
    ) as JWK,
  }));
  return AccessTokens.fromKeys(AUDIENCE, keys);
}
