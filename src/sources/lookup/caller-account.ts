import type { CloudTrailClient } from '@aws-sdk/client-cloudtrail';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import { callWithin } from '../aws/call-deadline';
import { faultError, lookupFault } from './lookup-fault';

const CALL_MS = 15_000;
const MAX_KNOWN = 1_000;

/** Tells which account a source's calls are made in: asked once for a source as it stands. */
export class CallerAccounts {
  private readonly known = new Map<string, string>();

  /** @param connect a client with the credentials to ask about; whoever gives it closes it */
  constructor(private readonly connect: (source: Source) => CloudTrailClient | Promise<CloudTrailClient>) {}

  /** @throws Permanent or Retryable with a remedy where STS does not tell */
  async account(source: Source, signal: AbortSignal): Promise<string> {
    const key = `${source._id}/${source.updatedAt.getTime()}`;
    const known = this.known.get(key);
    if (known) return known;
    const { config } = await this.connect(source);
    const sts = new STSClient({
      region: config.region,
      credentials: config.credentials,
      // Shared, and so not closed here.
      requestHandler: config.requestHandler,
      ...(source.aws?.endpointUrl ? { endpoint: source.aws.endpointUrl } : {}),
    });
    try {
      const { Account } = await callWithin(CALL_MS, signal, (abortSignal) =>
        sts.send(new GetCallerIdentityCommand({}), { abortSignal }),
      );
      if (!Account || !/^\d{12}$/.test(Account)) throw new Retryable('STS names no account of the caller');
      this.remember(key, Account);
      return Account;
    } catch (error) {
      signal.throwIfAborted();
      const fault = lookupFault(error, source);
      throw faultError({ ...fault, message: `sts:GetCallerIdentity: ${fault.message}` });
    }
  }

  private remember(key: string, account: string): void {
    this.known.set(key, account);
    for (const oldest of this.known.keys()) {
      if (this.known.size <= MAX_KNOWN) return;
      this.known.delete(oldest);
    }
  }
}
