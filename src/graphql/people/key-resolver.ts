import { Arg, Authorized, Mutation, Query, Resolver } from 'type-graphql';
import type { ApiKeyRing } from '../../auth/api-key-ring';
import { IdArg } from '../arguments';
import { ApiKey, CreateApiKeyInput, CreateApiKeyPayload, toApiKey } from './key-types';

@Resolver()
export class KeyResolver {
  constructor(private readonly keys: ApiKeyRing) {}

  @Authorized('ADMIN')
  @Query(() => [ApiKey], { description: 'All API keys, newest first; revoked ones for 90 days.' })
  async apiKeys(): Promise<ApiKey[]> {
    return (await this.keys.all()).map(toApiKey);
  }

  @Authorized('ADMIN')
  @Mutation(() => CreateApiKeyPayload, { description: 'Makes an API key, which is shown only now.' })
  async createApiKey(
    @Arg('input', () => CreateApiKeyInput, { description: 'What it is to be.' }) input: CreateApiKeyInput,
  ): Promise<CreateApiKeyPayload> {
    const { name, role, expiresAt = null } = input;
    const { key, secret } = await this.keys.create({ name, role, expiresAt });
    return { apiKey: toApiKey(key), secret };
  }

  @Authorized('ADMIN')
  @Mutation(() => ApiKey, {
    description: 'Ends an API key: requests and sockets with it are refused at once.',
  })
  async revokeApiKey(@IdArg() id: string): Promise<ApiKey> {
    return toApiKey(await this.keys.revoke(id));
  }
}
