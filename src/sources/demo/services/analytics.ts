import { fault, read, type ServiceTemplate, write } from '../template';

export const ELASTICACHE: ServiceTemplate = {
  source: 'elasticache.amazonaws.com',
  eventVersion: '1.09',
  errors: 'query',
  events: [
    read('DescribeCacheClusters', 4, (s) => ({
      cacheClusterId: `${s.team()}-cache`,
      showCacheNodeInfo: true,
    })),
    read('DescribeReplicationGroups', 3, (s) => ({ replicationGroupId: `${s.team()}-cache` }), {
      errors: [
        fault('ReplicationGroupNotFoundFault', (s) => `ReplicationGroup ${s.team()}-cache-old not found.`),
      ],
    }),
  ],
};

export const ATHENA: ServiceTemplate = {
  source: 'athena.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    write(
      'StartQueryExecution',
      4,
      (s) => {
        const queryExecutionId = s.dice.uuid();
        return {
          request: {
            queryString: '***OMITTED***',
            clientRequestToken: s.dice.uuid(),
            queryExecutionContext: { database: `${s.team()}_lake` },
            resultConfiguration: { outputLocation: `s3://${s.bucket()}/athena/` },
            workGroup: 'primary',
          },
          response: { queryExecutionId },
        };
      },
      { errors: [fault('InvalidRequestException', 'Unable to verify/create output bucket')] },
    ),
    read('GetQueryExecution', 6, (s) => ({ queryExecutionId: s.dice.uuid() })),
    read('GetQueryResults', 3, (s) => ({ queryExecutionId: s.dice.uuid(), maxResults: 1000 }), {
      errors: [fault('InvalidRequestException', 'Query has not yet finished. Current state: RUNNING')],
    }),
  ],
};

export const GLUE: ServiceTemplate = {
  source: 'glue.amazonaws.com',
  eventVersion: '1.10',
  errors: 'json',
  events: [
    read('GetTable', 6, (s) => ({ databaseName: `${s.team()}_lake`, name: s.table().toLowerCase() }), {
      errors: [fault('EntityNotFoundException', (s) => `Table ${s.table().toLowerCase()} not found.`)],
    }),
    read('GetPartitions', 4, (s) => ({
      databaseName: `${s.team()}_lake`,
      tableName: s.table().toLowerCase(),
      excludeColumnSchema: true,
    })),
    write(
      'StartJobRun',
      2,
      (s) => ({
        request: { jobName: `nightly-${s.team()}-etl`, workerType: 'G.1X', numberOfWorkers: 10 },
        response: { jobRunId: `jr_${s.dice.hex(64)}` },
      }),
      {
        errors: [
          fault(
            'ConcurrentRunsExceededException',
            (s) => `Concurrent runs exceeded for nightly-${s.team()}-etl`,
          ),
        ],
      },
    ),
  ],
};
