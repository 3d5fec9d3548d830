import type { Scene } from '../scene';
import { fault, read, type ServiceTemplate, write } from '../template';
import { isoSeconds, wordedTime } from '../times';

const stack = (s: Scene) => `${s.serviceName()}-stack`;
const stackArn = (s: Scene, name: string) =>
  s.arn('cloudformation', `stack/${name}/${s.ownedUuid(`stack ${name}`, 1)}`);
const noStack = [
  fault('ValidationError', (s) => `Stack with id ${stack(s)} does not exist`),
  fault('ValidationError', 'No updates are to be performed.'),
];

export const CLOUDFORMATION: ServiceTemplate = {
  source: 'cloudformation.amazonaws.com',
  eventVersion: '1.11',
  errors: 'query',
  apiVersion: '2010-05-15',
  events: [
    read('DescribeStacks', 10, (s) => ({ stackName: stack(s) }), { errors: noStack }),
    read('DescribeStackEvents', 5, (s) => ({ stackName: stack(s) }), { errors: noStack }),
    read('ListStacks', 2, () => ({ stackStatusFilter: ['CREATE_COMPLETE', 'UPDATE_COMPLETE'] })),
    write(
      'CreateChangeSet',
      2,
      (s) => {
        const stackName = stack(s);
        const changeSetName = `release-${s.dice.hex(8)}`;
        return {
          request: {
            stackName,
            changeSetName,
            changeSetType: 'UPDATE',
            capabilities: ['CAPABILITY_NAMED_IAM'],
            templateURL: `https://${s.bucket()}.s3.${s.region}.amazonaws.com/${s.dice.hex(64)}.json`,
          },
          response: {
            id: s.arn('cloudformation', `changeSet/${changeSetName}/${s.dice.uuid()}`),
            stackId: stackArn(s, stackName),
          },
        };
      },
      { errors: noStack },
    ),
    write(
      'ExecuteChangeSet',
      2,
      (s) => ({
        request: { stackName: stack(s), changeSetName: `release-${s.dice.hex(8)}`, disableRollback: false },
      }),
      { errors: noStack },
    ),
    write('DeleteStack', 1, (s) => ({ request: { stackName: stack(s) } }), { errors: noStack }),
  ],
};

export const CODEBUILD: ServiceTemplate = {
  source: 'codebuild.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    write(
      'StartBuild',
      2,
      (s) => {
        const projectName = `${s.team()}-build`;
        const build = `${projectName}:${s.dice.uuid()}`;
        return {
          request: { projectName, sourceVersion: s.dice.hex(40) },
          response: {
            build: {
              id: build,
              arn: s.arn('codebuild', `build/${build}`),
              buildNumber: s.dice.between(1, 4000),
              buildStatus: 'IN_PROGRESS',
              currentPhase: 'QUEUED',
              projectName,
              startTime: wordedTime(s.time),
              initiator: s.person(),
            },
          },
        };
      },
      {
        errors: [
          fault(
            'ResourceNotFoundException',
            (s) => `Project cannot be found: ${s.arn('codebuild', `project/${s.team()}-old`)}`,
          ),
        ],
      },
    ),
    read('BatchGetBuilds', 4, (s) => ({ ids: [`${s.team()}-build:${s.dice.uuid()}`] })),
  ],
};

export const BEDROCK: ServiceTemplate = {
  source: 'bedrock.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  endpoint: 'bedrock-runtime',
  events: [
    read('InvokeModel', 5, () => ({ modelId: 'amazon.nova-lite-v1:0' }), {
      errors: [
        fault('ThrottlingException', 'Too many tokens, please wait before trying again.'),
        fault('AccessDeniedException', "You don't have access to the model with the specified model ID."),
      ],
    }),
    read('ListFoundationModels', 1),
  ],
};

export const BACKUP: ServiceTemplate = {
  source: 'backup.amazonaws.com',
  eventVersion: '1.09',
  errors: 'json',
  events: [
    write(
      'BackupJobStarted',
      2,
      (s) => ({
        request: null,
        details: {
          backupJobId: s.dice.uuid(),
          state: 'RUNNING',
          resourceType: 'RDS',
          resourceArn: s.arn('rds', `db:${s.serviceName()}`),
          creationDate: isoSeconds(s.time),
        },
      }),
      {
        by: ['service'],
        service: 'backup.amazonaws.com',
        eventType: 'AwsServiceEvent',
        infallible: true,
      },
    ),
    read('ListBackupJobs', 2, () => ({ maxResults: '100', state: 'FAILED' })),
  ],
};
