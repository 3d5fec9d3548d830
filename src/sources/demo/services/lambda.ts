import type { ActorKind } from '../actors';
import type { Scene } from '../scene';
import { type Call, fault, read, type ServiceTemplate, write } from '../template';

const functionArn = (s: Scene, name = s.functionName()) => s.arn('lambda', `function:${name}`);

const noFunction = [fault('ResourceNotFoundException', (s) => `Function not found: ${functionArn(s)}-old`)];
const busy = [
  fault(
    'ResourceConflictException',
    (s) =>
      `The operation cannot be performed at this time. An update is in progress for resource: ${functionArn(s)}`,
  ),
  fault('InvalidParameterValueException', 'The role defined for the function cannot be assumed by Lambda.'),
];

function createFunction(s: Scene): Call {
  const functionName = s.functionName();
  const request = {
    functionName,
    runtime: s.dice.pick(['python3.12', 'nodejs22.x', 'java21']),
    role: s.roleArn(),
    handler: 'app.handler',
    code: { s3Bucket: s.bucket(), s3Key: `builds/${functionName}.zip` },
    description: '',
    timeout: 30,
    memorySize: 256,
    publish: false,
    packageType: 'Zip',
    environment: {},
    architectures: ['arm64'],
  };
  const { code: _, publish: __, ...described } = request;
  return {
    request,
    response: {
      ...described,
      functionArn: functionArn(s, functionName),
      codeSize: s.dice.between(900, 9_000_000),
      lastModified: s.time.toISOString().replace('Z', '+0000'),
      codeSha256: `${s.dice.base64(43)}=`,
      version: '$LATEST',
      tracingConfig: { mode: 'PassThrough' },
      revisionId: s.dice.uuid(),
      state: 'Pending',
      stateReason: 'The function is being created.',
      stateReasonCode: 'Creating',
      ephemeralStorage: { size: 512 },
      snapStart: { applyOn: 'None', optimizationStatus: 'Off' },
    },
  };
}

function invoke(s: Scene): Call {
  const ARN = functionArn(s);
  return {
    request: {
      functionName: ARN,
      invocationType: s.dice.pick(['RequestResponse', 'Event']),
      clientContext: s.dice.base64(24),
    },
    additional: { functionVersion: `${ARN}:$LATEST` },
    resources: [{ accountId: s.account.id, type: 'AWS::Lambda::Function', ARN }],
  };
}

const INVOKERS: readonly ActorKind[] = ['workload', 'workload', 'service', 'service', 'user', 'endpoint'];

export const LAMBDA: ServiceTemplate = {
  source: 'lambda.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  events: [
    write('Invoke', 28, invoke, {
      data: true,
      by: INVOKERS,
      service: 'events.amazonaws.com',
      errors: [...noFunction, fault('TooManyRequestsException', 'Rate Exceeded.')],
    }),
    read('GetFunction20150331v2', 7, (s) => ({ functionName: s.functionName() }), { errors: noFunction }),
    read('ListFunctions20150331', 5, () => ({ maxItems: 50 })),
    read('GetPolicy20150331v2', 2, (s) => ({ functionName: functionArn(s) }), { errors: noFunction }),
    write('CreateFunction20150331', 1, createFunction, { errors: busy }),
    write(
      'UpdateFunctionCode20150331v2',
      2,
      (s) => {
        const functionName = s.functionName();
        return {
          request: {
            functionName,
            s3Bucket: s.bucket(),
            s3Key: `builds/${functionName}.zip`,
            publish: true,
            dryRun: false,
          },
          response: {
            functionName,
            functionArn: functionArn(s, functionName),
            version: String(s.dice.between(2, 80)),
            revisionId: s.dice.uuid(),
            state: 'Active',
            lastUpdateStatus: 'InProgress',
          },
        };
      },
      { errors: busy },
    ),
    write(
      'UpdateFunctionConfiguration20150331v2',
      1,
      (s) => {
        const functionName = s.functionName();
        return {
          request: { functionName, memorySize: 512, environment: {} },
          response: {
            functionName,
            functionArn: functionArn(s, functionName),
            memorySize: 512,
            lastUpdateStatus: 'InProgress',
          },
        };
      },
      { errors: busy },
    ),
    write(
      'AddPermission20150331v2',
      1,
      (s) => {
        const functionName = s.functionName();
        const Resource = functionArn(s, functionName);
        const statement = {
          Sid: 'invoke',
          Effect: 'Allow',
          Principal: { Service: 's3.amazonaws.com' },
          Action: 'lambda:InvokeFunction',
          Resource,
        };
        return {
          request: {
            functionName,
            statementId: 'invoke',
            action: 'lambda:InvokeFunction',
            principal: 's3.amazonaws.com',
          },
          response: { statement: JSON.stringify(statement) },
        };
      },
      { errors: busy },
    ),
  ],
};
