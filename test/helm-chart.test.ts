import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { inspectSettings } from '../src/config/environment';
import { ALL_SETTINGS, SECRET_SETTINGS, SETTINGS } from '../src/config/settings';
import { runCommand } from '../src/embedded/run-command';
import { helmProgram, kubernetesFaults } from './support/deploy-tools';

const CHART = join(__dirname, '../deploy/helm/trailgraph');
/** The oldest that the chart asks for, and the newest whose schemas are at hand. */
const KUBERNETES = ['1.27', '1.37'];
const HELM_WITHIN_MS = 60_000;
const BUILD_WITHIN_MS = 900_000;

type Labels = Record<string, string>;
interface Container {
  env: { name: string; value: string }[];
  ports: { name: string; containerPort: number }[];
  volumeMounts: { name: string; mountPath: string; readOnly: boolean }[];
  securityContext: object;
  [probe: string]: unknown;
}
interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Labels; annotations?: Labels };
  automountServiceAccountToken?: boolean;
  spec: {
    replicas?: number;
    selector?: { matchLabels: Labels } & Labels;
    podSelector?: { matchLabels: Labels };
    template?: { metadata: { labels: Labels }; spec: PodSpec };
    scaleTargetRef?: { name: string };
    ports?: { name: string; targetPort: string }[];
    endpoints?: { port: string }[];
    jobLabel?: string;
    rules?: { http: { paths: { backend: { service: { name: string; port: { name: string } } } }[] } }[];
    metrics?: unknown[];
    triggers?: { metadata: { query: string; threshold: string } }[];
  };
}
interface PodSpec {
  containers: [Container];
  volumes: { name: string; secret: { secretName: string; items?: { key: string; path: string }[] } }[];
  [member: string]: unknown;
}

/** Everything that can be switched on, and names that look like numbers. */
const EVERYTHING = {
  existingSecret: 'keys',
  secretKeys: [
    ...['MONGODB_URI', 'REDIS_URL', 'TRAILGRAPH_MASTER_KEY'],
    'REDIS_SENTINEL_PASSWORD',
    'WEBHOOK_PROXY',
    'TRAILGRAPH_PREVIOUS_MASTER_KEY',
  ],
  image: { repository: 'registry.example/trailgraph', tag: '1.2.3', pullSecrets: [{ name: 'pull' }] },
  settings: {
    RATE_LIMIT_CALLER: 1_000_000,
    GRAPHIQL: false,
    REDIS_SENTINELS: 'a:26379,b:26379',
    TRUST_PROXY: '10.0.0.0/8',
    LOG_LEVEL: 'debug',
  },
  serviceAccount: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/reader' } },
  api: {
    autoscaling: { enabled: true },
    podAnnotations: { a: 'b' },
    nodeSelector: { c: 'd' },
    tolerations: [{ operator: 'Exists' }],
  },
  worker: {
    autoscaling: { enabled: true, prometheusAddress: 'http://prometheus:9090', pendingBatches: 1_000_000 },
  },
  tls: { existingSecret: 'certificate' },
  ingress: {
    enabled: true,
    className: 'nginx',
    host: 'trailgraph.example',
    tlsSecret: 'ingress-certificate',
  },
  serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
  networkPolicy: { metricsFrom: [{ namespaceSelector: {} }], extraEgress: [{ ports: [{ port: 26379 }] }] },
};
const LEAST = { existingSecret: 'keys' };
const ADAPTER = {
  ...LEAST,
  worker: { autoscaling: { enabled: true, by: 'adapter' } },
  serviceAccount: { create: false, name: 'theirs' },
  networkPolicy: { enabled: false },
  api: { podDisruptionBudget: { enabled: false } },
};

describe('the Helm chart', () => {
  let helm: string;
  let folder: string;
  let files = 0;
  beforeAll(async () => {
    helm = await helmProgram();
    folder = await mkdtemp(join(tmpdir(), 'trailgraph-helm-'));
  }, BUILD_WITHIN_MS);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function run(command: string[], values: object): Promise<{ code: number | null; out: string }> {
    const [file, said] = ['values.json', 'said'].map((name) => join(folder, `${++files}-${name}`)) as [
      string,
      string,
    ];
    await writeFile(file, JSON.stringify(values));
    const args = [...command, '--kube-version', '1.30.0', '--namespace', 'audit', '-f', file];
    const { code, stdout, stderr } = await runCommand(
      'sh',
      ['-c', '"$0" "$@" > "$OUT" 2>&1', helm, ...args],
      {
        timeoutMs: HELM_WITHIN_MS,
        // What a command prints is kept in full in a file: it is longer than what is kept of a pipe.
        env: { PATH: process.env.PATH, HOME: folder, OUT: said },
      },
    );
    return { code, out: (await readFile(said, 'utf8')) + stdout + stderr };
  }
  async function rendered(values: object): Promise<Manifest[]> {
    const { code, out } = await run(['template', 'live', CHART], values);
    if (code !== 0) throw new Error(out);
    return parseAllDocuments(out)
      .map((document) => {
        expect(document.errors).toEqual([]);
        return document.toJS() as Manifest | null;
      })
      .filter((manifest) => manifest !== null);
  }
  const podsOf = (all: Manifest[]): PodSpec[] =>
    all.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template!.spec);
  const environmentOf = ({ containers: [{ env }] }: PodSpec): Record<string, string> =>
    Object.fromEntries(env.map(({ name, value }) => [name, value]));
  const holds = (labels: Labels, wanted: Labels): boolean =>
    Object.entries(wanted).every(([name, value]) => labels[name] === value);

  test.each([
    ['the least', LEAST],
    ['everything', EVERYTHING],
    ['prometheus-adapter', ADAPTER],
  ])('is found good by `helm lint --strict` with %s', async (_, values) => {
    const { code, out } = await run(['lint', '--strict', CHART], values);
    expect(out).not.toMatch(/\[(WARNING|ERROR)\]/);
    expect(out).toContain('1 chart(s) linted, 0 chart(s) failed');
    expect(code).toBe(0);
  });

  test('is what Kubernetes knows, whatever is switched on', async () => {
    const all = (await Promise.all([LEAST, EVERYTHING, ADAPTER].map(rendered))).flat();
    // The others are of KEDA and of the operator of Prometheus.
    const own = all.filter(({ apiVersion }) => !/^(keda\.sh|monitoring\.coreos\.com)\//.test(apiVersion));
    expect([...new Set(own.map(({ kind }) => kind))].sort()).toEqual([
      'Deployment',
      'HorizontalPodAutoscaler',
      'Ingress',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'Service',
      'ServiceAccount',
    ]);
    const file = join(folder, 'manifests.yaml');
    await writeFile(file, own.map((manifest) => `---\n${stringify(manifest)}`).join(''));
    expect(await kubernetesFaults(file, KUBERNETES)).toBe('');
    const policy = own.find(({ kind }) => kind === 'NetworkPolicy')!;
    await writeFile(file, stringify({ ...policy, spec: { ...policy.spec, policyTypos: [] } }));
    expect(await kubernetesFaults(file, KUBERNETES.slice(0, 1))).toContain('policyTypos');
  });

  test('makes an API and workers that may do nothing but work', async () => {
    const all = await rendered(LEAST);
    expect(all.map(({ kind, metadata: { name } }) => `${kind} ${name}`).sort()).toEqual([
      'Deployment live-trailgraph-api',
      'Deployment live-trailgraph-worker',
      'NetworkPolicy live-trailgraph-api',
      'NetworkPolicy live-trailgraph-worker',
      'PodDisruptionBudget live-trailgraph-api',
      'PodDisruptionBudget live-trailgraph-worker',
      'Service live-trailgraph-api',
      'Service live-trailgraph-worker',
      'ServiceAccount live-trailgraph',
    ]);
    for (const pod of podsOf(all)) {
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        terminationGracePeriodSeconds: 40,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
        serviceAccountName: 'live-trailgraph',
      });
      expect(pod.containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      expect(pod.containers[0]).toMatchObject({
        livenessProbe: { httpGet: { path: '/livez', port: 'http', scheme: 'HTTP' } },
        readinessProbe: { httpGet: { path: '/readyz', port: 'http', scheme: 'HTTP' } },
      });
    }
    expect(podsOf(all).map((pod) => environmentOf(pod).ROLE)).toEqual(['api', 'worker']);
  });

  test.each([
    ['the least', LEAST],
    ['everything', EVERYTHING],
    ['prometheus-adapter', ADAPTER],
  ])('names only settings that there are, and no secret in the environment, with %s', async (_, values) => {
    const all = await rendered(values);
    const known = [...Object.keys(ALL_SETTINGS.shape), ...SECRET_SETTINGS.map((name) => `${name}_FILE`)];
    for (const pod of podsOf(all)) {
      const environment = environmentOf(pod);
      expect(Object.keys(environment).filter((name) => !known.includes(name))).toEqual([]);
      expect(
        Object.keys(environment).filter((name) => SECRET_SETTINGS.some((secret) => secret === name)),
      ).toEqual([]);
      // As far as this machine can tell: files that are only in the pod can't be read here.
      const faults = inspectSettings(environment).faults.filter((fault) => !fault.includes("can't be read"));
      expect(faults).toEqual([]);
    }
    expect(all.filter(({ kind }) => kind === 'Secret' || kind === 'ConfigMap')).toEqual([]);
  });

  test.each([
    ['the least', LEAST],
    ['everything', EVERYTHING],
    ['prometheus-adapter', ADAPTER],
  ])('has everything find what it points at, with %s', async (_, values) => {
    const all = await rendered(values);
    const deployments = all.filter(({ kind }) => kind === 'Deployment');
    const pods = deployments.map(({ spec }) => spec.template!.metadata.labels);
    const services = all.filter(({ kind }) => kind === 'Service');
    for (const { kind, metadata, spec } of all.filter(({ spec }) => spec !== undefined)) {
      const selector = spec.podSelector?.matchLabels ?? spec.selector?.matchLabels ?? spec.selector;
      const among = kind === 'ServiceMonitor' ? services.map((each) => each.metadata.labels) : pods;
      if (selector)
        expect([kind, metadata.name, among.filter((labels) => holds(labels, selector)).length]).toEqual([
          kind,
          metadata.name,
          1,
        ]);
      if (spec.scaleTargetRef)
        expect(deployments.map((each) => each.metadata.name)).toContain(spec.scaleTargetRef.name);
      for (const { port } of spec.endpoints ?? [])
        expect(services[0]!.spec.ports!.map(({ name }) => name)).toContain(port);
      for (const { http } of spec.rules ?? []) {
        const { name, port } = http.paths[0]!.backend.service;
        const service = services.find((each) => each.metadata.name === name)!;
        expect(service.spec.ports!.map((each) => each.name)).toContain(port.name);
      }
    }
    for (const { spec } of services)
      for (const { targetPort } of spec.ports!) expect(targetPort).toBe('http');
    for (const pod of podsOf(all)) {
      const [{ env, ports, volumeMounts }] = pod.containers;
      expect(ports).toEqual([{ name: 'http', containerPort: 4000 }]);
      expect(pod.volumes.map(({ name }) => name).sort()).toEqual(volumeMounts.map(({ name }) => name).sort());
      for (const { name, value } of env.filter((each) => each.name.endsWith('_FILE'))) {
        const mount = volumeMounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`))!;
        expect([name, mount.readOnly]).toEqual([name, true]);
        const { secret } = pod.volumes.find((volume) => volume.name === mount.name)!;
        const path = value.slice(mount.mountPath.length + 1);
        expect(secret.items?.map((item) => item.path) ?? ['tls.crt', 'tls.key']).toContain(path);
      }
    }
  });

  test('serves TLS, scales and lets AWS in where it is told to', async () => {
    const all = await rendered(EVERYTHING);
    const [api, worker] = podsOf(all);
    expect(environmentOf(api!)).toMatchObject({
      TLS_CERT_FILE: '/etc/trailgraph/tls/tls.crt',
      RATE_LIMIT_CALLER: '1000000',
      GRAPHIQL: 'false',
    });
    expect(environmentOf(worker!)).not.toHaveProperty('TLS_CERT_FILE');
    expect(api!.containers[0].readinessProbe).toMatchObject({ httpGet: { scheme: 'HTTPS' } });
    expect(worker!.containers[0].readinessProbe).toMatchObject({ httpGet: { scheme: 'HTTP' } });
    const of = (kind: string) => all.filter((manifest) => manifest.kind === kind);
    expect(of('Deployment').map(({ spec }) => spec.replicas)).toEqual([undefined, undefined]);
    expect(of('HorizontalPodAutoscaler').map(({ metadata }) => metadata.name)).toEqual([
      'live-trailgraph-api',
    ]);
    expect(of('ScaledObject')[0]!.spec.triggers![0]!.metadata).toMatchObject({
      query: 'sum(trailgraph_batches_pending{namespace="audit",service="live-trailgraph-worker"})',
      threshold: '1000000',
    });
    expect(of('ServiceAccount')[0]).toMatchObject({
      automountServiceAccountToken: false,
      metadata: { annotations: { 'eks.amazonaws.com/role-arn': 'arn:aws:iam::123456789012:role/reader' } },
    });
    expect(of('ServiceMonitor')).toHaveLength(2);
    // The alerts ask for up{job="trailgraph"}.
    for (const { spec } of of('ServiceMonitor'))
      for (const service of of('Service')) expect(service.metadata.labels[spec.jobLabel!]).toBe('trailgraph');
    const adapted = await rendered(ADAPTER);
    expect(adapted.filter(({ kind }) => kind === 'HorizontalPodAutoscaler')[0]!.spec.metrics).toMatchObject([
      { type: 'External', external: { metric: { name: 'trailgraph_batches_pending' } } },
    ]);
  });

  test('takes every secret that a server reads from a Secret, and none from the values', async () => {
    const schema = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8')) as {
      properties: { secretKeys: { items: { enum: string[] } } };
    };
    const ofCommands = SECRET_SETTINGS.filter((name) => !(name in SETTINGS.shape));
    expect(schema.properties.secretKeys.items.enum.sort()).toEqual(
      SECRET_SETTINGS.filter((name) => !ofCommands.includes(name)).sort(),
    );
    const secrets = Object.fromEntries(SECRET_SETTINGS.map((name) => [name, 'hush']));
    const { code, out } = await run(['template', 'live', CHART], { ...LEAST, settings: secrets });
    expect(code).not.toBe(0);
    for (const name of SECRET_SETTINGS) expect(out).toContain(`"${name}"`);
    expect(out).not.toContain('hush');
  });

  test.each<[string, object, RegExp]>([
    ['no secret', {}, /existingSecret must name a Secret/],
    ['a secret among the settings', { ...LEAST, settings: { MONGODB_URI: 'mongodb://u:p@h/d' } }, /settings/],
    ['what it sets itself', { ...LEAST, settings: { ROLE: 'all' } }, /settings/],
    ['a secret that must be there left out', { ...LEAST, secretKeys: ['MONGODB_URI'] }, /secretKeys/],
    ['a value that is none', { ...LEAST, replicas: 3 }, /replicas/],
    [
      'KEDA without Prometheus',
      { ...LEAST, worker: { autoscaling: { enabled: true } } },
      /prometheusAddress must be/,
    ],
    ['an ingress without a name', { ...LEAST, ingress: { enabled: true } }, /ingress\.host must be/],
  ])('refuses %s', async (_, values, message) => {
    const { code, out } = await run(['template', 'live', CHART], values);
    expect(code).not.toBe(0);
    expect(out).toMatch(message);
  });
});
