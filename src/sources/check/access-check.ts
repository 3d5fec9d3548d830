import { messageOf, Permanent, Retryable } from '../../domain/errors';
import type { Source } from '../../domain/source';
import type { AwsClients } from '../aws/aws-clients';
import { commonFault, endpointOf, serviceErrorOf } from '../aws/aws-fault';
import type { CallerIdentity, CallPlace } from '../aws/call-place';
import type { CheckRun, Finding } from './check-run';

export interface CheckedAccess {
  /** Null where the endpoint does not tell who calls. */
  identity: CallerIdentity | null;
}

/** The first two steps of every source that reads from AWS: credentials, identity. Null where one failed. */
export async function checkAccess(
  run: CheckRun,
  aws: AwsClients,
  source: Source,
  place: CallPlace,
): Promise<CheckedAccess | null> {
  const credentials = await run.step({
    name: 'credentials',
    awsAction: source.aws?.roleArn ? 'sts:AssumeRole' : null,
    work: async () => {
      try {
        await aws.checkCredentials(source, place);
      } catch (error) {
        throw told(error, source);
      }
      return { value: true, ...credentialsFound(source) };
    },
  });
  return run.step<CheckedAccess>({
    name: 'identity',
    awsAction: 'sts:GetCallerIdentity',
    restsOn: [credentials],
    work: async (signal) => {
      try {
        const identity = await aws.identity(source, place, signal);
        return { value: { identity }, status: 'PASS', message: `Calls are made as ${identity.arn}.` };
      } catch (error) {
        signal.throwIfAborted();
        if (commonFault(error, source)) throw told(error, source);
        // No right that reading rests on: servers of the S3 protocol often know no such action.
        return {
          value: { identity: null },
          status: 'WARN',
          message: `${endpointOf(source)} does not tell who calls (${serviceErrorOf(error).code}).`,
          remedy: 'Nothing needs to be done: reading goes on without it.',
        };
      }
    },
  });
}

function credentialsFound({ aws: access }: Source): Finding {
  const role = access?.roleArn ? `, and on top of it the role ${access.roleArn}` : '';
  if (access?.staticKeys) {
    return {
      status: 'WARN',
      message: `Access keys of the source's own${role}: they are long-lived, and nobody renews them.`,
      remedy: access.endpointUrl
        ? 'Give keys that may do no more than the policy below, and change them now and then.'
        : 'Better let the server have credentials of its own (an instance role, a profile) and name a role in roleArn.',
    };
  }
  const own = access?.profile ? `the server's profile "${access.profile}"` : "the server's own credentials";
  return { status: 'PASS', message: `Found ${own}${role}.` };
}

function told(error: unknown, source: Source): Permanent | Retryable {
  if (error instanceof Permanent || error instanceof Retryable) return error;
  const fault = commonFault(error, source);
  if (!fault) return new Permanent(messageOf(error), { cause: error });
  return new Permanent(fault.message, {
    cause: error,
    remedy: fault.remedy ?? 'Test again in a minute.',
  });
}
