import { parseEventTime } from '../../domain/records/record';
import { type Fields, objectIn, textIn } from './fields';
import { memberTexts } from './member-texts';

/** Lucene refuses a longer term: what is longer is left out, for half a JSON text is none. */
const MAX_JSON_BYTES = 32_766;
const MAX_MESSAGE = 8_191;
const MAX_RESOURCES = 25;

/** Members of a record that are told as JSON text, exact, and the names that they have there. */
const AS_TEXT = {
  requestParameters: 'request_parameters',
  responseElements: 'response_elements',
  additionalEventData: 'additional_eventdata',
  serviceEventDetails: 'service_event_details',
} as const;

/** `aws.cloudtrail.*` under the names of Elastic's AWS integration; keywords also for what is a boolean here. */
export function cloudtrailFields(record: Fields, recordText: string, thin: boolean): Fields {
  return {
    event_version: textIn(record.eventVersion),
    event_category: textIn(record.eventCategory),
    event_type: textIn(record.eventType),
    api_version: textIn(record.apiVersion),
    user_identity: userIdentity(objectIn(record.userIdentity)),
    error_code: textIn(record.errorCode),
    error_message: textIn(record.errorMessage, MAX_MESSAGE),
    request_id: textIn(record.requestID),
    management_event: flagText(record.managementEvent),
    read_only: flag(record.readOnly),
    recipient_account_id: textIn(record.recipientAccountId),
    shared_event_id: textIn(record.sharedEventID),
    vpc_endpoint_id: textIn(record.vpcEndpointId),
    session_credential_from_console: flagText(record.sessionCredentialFromConsole),
    console_login: record.eventName === 'ConsoleLogin' ? consoleLogin(record) : undefined,
    ...(thin ? {} : { resources: resourcesOf(record.resources), ...jsonTexts(recordText) }),
  };
}

function userIdentity(identity: Fields): Fields {
  const session = objectIn(identity.sessionContext);
  const attributes = objectIn(session.attributes);
  const issuer = objectIn(session.sessionIssuer);
  return {
    type: textIn(identity.type),
    arn: textIn(identity.arn),
    access_key_id: textIn(identity.accessKeyId),
    invoked_by: textIn(identity.invokedBy),
    session_context: {
      mfa_authenticated: flagText(attributes.mfaAuthenticated),
      creation_date: parseEventTime(attributes.creationDate)?.toISOString(),
      session_issuer: {
        type: textIn(issuer.type),
        principal_id: textIn(issuer.principalId),
        arn: textIn(issuer.arn),
        account_id: textIn(issuer.accountId),
      },
    },
  };
}

function jsonTexts(recordText: string): Fields {
  const texts = memberTexts(recordText, Object.keys(AS_TEXT));
  const kept = Object.entries(AS_TEXT).map(([member, name]) => [name, texts.get(member)] as const);
  return Object.fromEntries(
    kept.filter(
      ([, text]) => text !== undefined && text !== 'null' && Buffer.byteLength(text) <= MAX_JSON_BYTES,
    ),
  );
}

function resourcesOf(value: unknown): Fields[] {
  if (!Array.isArray(value)) return [];
  return value.slice(0, MAX_RESOURCES).map((each: unknown) => {
    const { ARN, arn, accountId, type } = objectIn(each);
    return { arn: textIn(ARN) ?? textIn(arn), account_id: textIn(accountId), type: textIn(type) };
  });
}

function consoleLogin(record: Fields): Fields {
  const { MobileVersion, LoginTo, MFAUsed } = objectIn(record.additionalEventData);
  return {
    additional_eventdata: {
      mobile_version: yesOrNo(MobileVersion),
      login_to: textIn(LoginTo),
      mfa_used: yesOrNo(MFAUsed),
    },
  };
}

function yesOrNo(value: unknown): boolean | undefined {
  return typeof value === 'string' ? value !== 'No' : undefined;
}

/** CloudTrail writes `true` and `"true"`. */
function flag(value: unknown): boolean | undefined {
  if (value === true || value === 'true') return true;
  return value === false || value === 'false' ? false : undefined;
}

function flagText(value: unknown): string | undefined {
  return flag(value)?.toString();
}
