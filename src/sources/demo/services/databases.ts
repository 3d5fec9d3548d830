import type { ActorKind } from '../actors';
import type { Scene } from '../scene';
import { type Call, fault, read, readFull, type ServiceTemplate, write } from '../template';
import { wordedTime } from '../times';

const database = (s: Scene) => s.serviceName();
const noDatabase = [fault('DBInstanceNotFoundFault', (s) => `DBInstance ${database(s)}-old not found.`)];
const wrongState = [
  fault('InvalidDBInstanceStateFault', (s) => `Instance ${database(s)} is not in available state.`),
];

function createDatabase(s: Scene): Call {
  const dBInstanceIdentifier = database(s);
  const shared = {
    dBInstanceIdentifier,
    engine: 'postgres',
    dBInstanceClass: 'db.t4g.medium',
    allocatedStorage: 100,
    masterUsername: 'app',
    storageEncrypted: true,
    publiclyAccessible: false,
    deletionProtection: true,
  };
  return {
    request: {
      ...shared,
      engineVersion: '16.8',
      masterUserPassword: 'HIDDEN_DUE_TO_SECURITY_REASONS',
      dBSubnetGroupName: `${s.account.name}-private`,
      backupRetentionPeriod: 7,
      autoMinorVersionUpgrade: true,
    },
    response: {
      ...shared,
      dBInstanceArn: s.arn('rds', `db:${dBInstanceIdentifier}`),
      dBInstanceStatus: 'creating',
      engineVersion: '16.8',
      backupRetentionPeriod: 7,
      preferredBackupWindow: '04:41-05:11',
      preferredMaintenanceWindow: 'tue:03:39-tue:04:09',
      licenseModel: 'postgresql-license',
      multiAZ: true,
      dbiResourceId: `db-${s.dice.base32(26)}`,
      vpcSecurityGroups: [{ vpcSecurityGroupId: s.owned('sg-0', 8, 16), status: 'active' }],
      pendingModifiedValues: { masterUserPassword: '****' },
      kmsKeyId: s.keyArn(),
    },
  };
}

function createSnapshot(s: Scene): Call {
  const dBInstanceIdentifier = database(s);
  const dBSnapshotIdentifier = `${dBInstanceIdentifier}-manual-${s.dice.below(90)}`;
  return {
    request: { dBInstanceIdentifier, dBSnapshotIdentifier },
    response: {
      dBSnapshotIdentifier,
      dBInstanceIdentifier,
      dBSnapshotArn: s.arn('rds', `snapshot:${dBSnapshotIdentifier}`),
      snapshotType: 'manual',
      status: 'creating',
      engine: 'postgres',
      engineVersion: '16.8',
      allocatedStorage: 100,
      availabilityZone: s.zone(),
      encrypted: true,
      percentProgress: 0,
      instanceCreateTime: wordedTime(s.time),
      masterUsername: 'app',
      port: 5432,
    },
  };
}

export const RDS: ServiceTemplate = {
  source: 'rds.amazonaws.com',
  eventVersion: '1.11',
  errors: 'query',
  events: [
    read(
      'DescribeDBInstances',
      11,
      (s) => (s.dice.chance(0.5) ? { dBInstanceIdentifier: database(s) } : { maxRecords: 100 }),
      { errors: noDatabase },
    ),
    read('DescribeDBClusters', 6, () => ({ maxRecords: 100, includeShared: false })),
    read(
      'DescribeDBSnapshots',
      3,
      (s) => ({ dBInstanceIdentifier: database(s), includeShared: false, includePublic: false }),
      { errors: noDatabase },
    ),
    read('ListTagsForResource', 3, (s) => ({ resourceName: s.arn('rds', `db:${database(s)}`) }), {
      errors: noDatabase,
    }),
    write('CreateDBInstance', 1, createDatabase, {
      errors: [fault('DBInstanceAlreadyExistsFault', 'DB instance already exists')],
    }),
    write(
      'ModifyDBInstance',
      1,
      (s) => {
        const dBInstanceIdentifier = database(s);
        return {
          request: {
            dBInstanceIdentifier,
            applyImmediately: true,
            backupRetentionPeriod: 14,
            allowMajorVersionUpgrade: false,
          },
          response: {
            dBInstanceIdentifier,
            dBInstanceArn: s.arn('rds', `db:${dBInstanceIdentifier}`),
            dBInstanceStatus: 'available',
            pendingModifiedValues: { backupRetentionPeriod: 14 },
          },
        };
      },
      { errors: wrongState },
    ),
    write('CreateDBSnapshot', 2, createSnapshot, { errors: wrongState }),
    write('ModifyDBSnapshotAttribute', 1, (s) => {
      const dBSnapshotIdentifier = `${database(s)}-manual-7`;
      return {
        request: { dBSnapshotIdentifier, attributeName: 'restore', valuesToAdd: ['123456789012'] },
        response: {
          dBSnapshotIdentifier,
          dBSnapshotAttributes: [{ attributeName: 'restore', attributeValues: ['123456789012'] }],
        },
      };
    }),
    write(
      'DeleteDBInstance',
      1,
      (s) => {
        const dBInstanceIdentifier = database(s);
        return {
          request: { dBInstanceIdentifier, skipFinalSnapshot: true, deleteAutomatedBackups: true },
          response: {
            dBInstanceIdentifier,
            dBInstanceArn: s.arn('rds', `db:${dBInstanceIdentifier}`),
            dBInstanceStatus: 'deleting',
            deletionProtection: false,
          },
        };
      },
      { errors: wrongState },
    ),
  ],
};

const CALLERS: readonly ActorKind[] = ['workload', 'workload', 'workload', 'endpoint', 'user'];

/** DynamoDB records the keys of items, not their other attributes. */
function itemCall(s: Scene, more: Record<string, unknown> = {}): Call {
  const tableName = s.table();
  return {
    request: { tableName, key: { pk: `customer#${s.dice.between(1000, 9999)}` }, ...more },
    resources: [
      { accountId: s.account.id, type: 'AWS::DynamoDB::Table', ARN: s.arn('dynamodb', `table/${tableName}`) },
    ],
  };
}

const itemEvent = {
  data: true,
  by: CALLERS,
  errors: [
    fault('ResourceNotFoundException', 'Requested resource not found'),
    fault('ConditionalCheckFailedException', 'The conditional request failed'),
    fault(
      'ProvisionedThroughputExceededException',
      'The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.',
    ),
  ],
} as const;

export const DYNAMODB: ServiceTemplate = {
  source: 'dynamodb.amazonaws.com',
  eventVersion: '1.11',
  errors: 'json',
  apiVersion: '2012-08-10',
  events: [
    readFull('GetItem', 16, (s) => itemCall(s, { consistentRead: false }), itemEvent),
    readFull(
      'Query',
      9,
      (s) => {
        const { request, ...call } = itemCall(s);
        const { key: _, ...rest } = request as Record<string, unknown>;
        return {
          ...call,
          request: {
            ...rest,
            keyConditionExpression: 'pk = :pk',
            consistentRead: false,
            scanIndexForward: true,
          },
        };
      },
      itemEvent,
    ),
    write('PutItem', 8, (s) => itemCall(s), itemEvent),
    write(
      'UpdateItem',
      5,
      (s) => itemCall(s, { updateExpression: 'SET #s = :s', returnValues: 'NONE' }),
      itemEvent,
    ),
    read('DescribeTable', 8, (s) => ({ tableName: s.table() }), { errors: itemEvent.errors.slice(0, 1) }),
    read('ListTables', 3, () => ({ limit: 100 })),
    write(
      'CreateTable',
      1,
      (s) => {
        const tableName = `${s.table()}-v2`;
        const keySchema = [{ attributeName: 'pk', keyType: 'HASH' }];
        const attributeDefinitions = [{ attributeName: 'pk', attributeType: 'S' }];
        return {
          request: { tableName, keySchema, attributeDefinitions, billingMode: 'PAY_PER_REQUEST' },
          response: {
            tableDescription: {
              tableName,
              keySchema,
              attributeDefinitions,
              tableStatus: 'CREATING',
              creationDateTime: wordedTime(s.time),
              tableArn: s.arn('dynamodb', `table/${tableName}`),
              tableId: s.dice.uuid(),
              itemCount: 0,
              tableSizeBytes: 0,
            },
          },
        };
      },
      { errors: [fault('ResourceInUseException', (s) => `Table already exists: ${s.table()}`)] },
    ),
    write('UpdateContinuousBackups', 1, (s) => ({
      request: {
        tableName: s.table(),
        pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      },
      response: {
        continuousBackupsDescription: {
          continuousBackupsStatus: 'ENABLED',
          pointInTimeRecoveryDescription: { pointInTimeRecoveryStatus: 'ENABLED' },
        },
      },
    })),
  ],
};
