import type { Source } from '../../domain/source';
import type { AwsClients } from '../aws/aws-clients';
import { faultError, lookupFault } from './lookup-fault';

/** The account that a source's calls are made in. @throws Permanent or Retryable with a remedy where STS does not tell */
export async function callerAccount(
  aws: Pick<AwsClients, 'identity'>,
  source: Source,
  signal: AbortSignal,
): Promise<string> {
  try {
    return (await aws.identity(source, {}, signal)).account;
  } catch (error) {
    signal.throwIfAborted();
    const fault = lookupFault(error, source);
    throw faultError({ ...fault, message: `sts:GetCallerIdentity: ${fault.message}` });
  }
}
