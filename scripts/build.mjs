// Builds what `npm start` and `npm test` run: dist/ from src/, and dist/web/ from web/. With `client`: the package
// packages/client, and nothing else. A step whose inputs are those of its last run, and whose outputs are there, is not
// run again.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (...parts) => join(root, ...parts);
const require = createRequire(import.meta.url);

/** Every file under a folder, as sorted paths from the root with forward slashes. */
function filesUnder(folder) {
  if (!existsSync(at(folder))) return [];
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** A hash over names and contents; a file that is not there counts as such. */
function hashOf(files) {
  const hash = createHash('sha256').update(process.version);
  for (const file of files) {
    hash.update(`\0${file}\0`);
    hash.update(existsSync(at(file)) ? readFileSync(at(file)) : 'absent');
  }
  return hash.digest('hex');
}

const readIfThere = (file) => (existsSync(at(file)) ? readFileSync(at(file), 'utf8') : null);

/** The path of a development package's module, or null when it is not installed. */
function developmentModule(name) {
  try {
    return require.resolve(name);
  } catch {
    return null;
  }
}

/**
 * Runs `build` unless the stamp says that it ran on the same inputs and `built()` finds its outputs. When `tool` is null
 * (production install) what was built before serves; without that it is an error.
 */
async function step({ name, inputs, stamp, built, tool, build }) {
  const hash = hashOf(inputs);
  const complete = built();
  if (complete && readIfThere(stamp) === hash) return;
  if (!tool) {
    if (!complete)
      throw new Error(`${name} is not built, and the packages to build it are not installed: run \`npm ci\``);
    console.log(`build: ${name} left as it was built before (development packages are not installed)`);
    return;
  }
  const start = performance.now();
  rmSync(at(stamp), { force: true });
  await build(tool, complete);
  mkdirSync(dirname(at(stamp)), { recursive: true });
  writeFileSync(at(stamp), hash);
  console.log(`build: ${name} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
}

const sources = filesUnder('src').filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
const outputOf = (source) => source.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js');

function compile(tsc, complete) {
  // The compiler does not notice that an output is gone; without its notes it writes all of them.
  if (!complete) rmSync(at('dist/.tsbuildinfo'), { force: true });
  runCompiler(tsc, 'tsconfig.json', 'src');
  removeOrphans();
}

function runCompiler(tsc, project, what) {
  const { status, error } = spawnSync(process.execPath, [tsc, '-p', project], {
    cwd: root,
    stdio: 'inherit',
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${what} does not compile`);
}

/** A module whose source was removed must not be found by a `require` that should fail. */
function removeOrphans() {
  const expected = new Set(sources.map(outputOf));
  for (const file of filesUnder('dist')) {
    if (file.startsWith('dist/web/')) continue;
    if (/\.js(\.map)?$/.test(file) && !expected.has(file.replace(/\.map$/, ''))) rmSync(at(file));
  }
}

async function bundleGraphiql(vite) {
  const { build } = await import(pathToFileURL(vite).href);
  // Built beside and moved into place: who reads meanwhile, or an interruption, never sees half of it.
  const beside = at(`dist/web/.graphiql-${process.pid}`);
  try {
    await build({
      configFile: at('web/graphiql/vite.config.mts'),
      logLevel: 'warn',
      mode: 'production',
      build: { outDir: beside },
    });
    rmSync(at('dist/web/graphiql'), { recursive: true, force: true });
    renameSync(beside, at('dist/web/graphiql'));
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

const CLIENT = 'packages/client';
const CLIENT_MODULES = ['index', 'documents'];

/** Its modules by Vite, its types by the compiler: as CommonJS sees them, and a line for each module of ECMAScript. */
async function bundleClient(vite) {
  const { build } = await import(pathToFileURL(vite).href);
  await build({ configFile: at(CLIENT, 'vite.config.mts'), logLevel: 'warn', mode: 'production' });
  runCompiler(require.resolve('typescript/lib/tsc.js'), `${CLIENT}/tsconfig.json`, CLIENT);
  cpSync(at('LICENSE'), at(CLIENT, 'LICENSE'));
  for (const name of CLIENT_MODULES) {
    const types = `./types/${CLIENT}/${name}.js`;
    writeFileSync(at(CLIENT, 'dist', `${name}.d.mts`), `export * from '${types}';\n`);
  }
}

function copyHome() {
  const files = filesUnder('web/home');
  const same = (file) => readIfThere(`dist/${file}`) === readFileSync(at(file), 'utf8');
  if (files.every(same) && filesUnder('dist/web/home').length === files.length) return;
  rmSync(at('dist/web/home'), { recursive: true, force: true });
  cpSync(at('web/home'), at('dist/web/home'), { recursive: true });
}

function makeExecutable(file) {
  if (!existsSync(at(file))) return;
  const { mode } = statSync(at(file));
  if ((mode & 0o111) !== 0o111) chmodSync(at(file), mode | 0o755);
}

/** npm links the commands of packages that are installed, not those of the package one stands in. */
function linkCommand(name, file) {
  const link = at('node_modules/.bin', name);
  if (!existsSync(at('node_modules/.bin')) || existsSync(link)) return;
  rmSync(link, { force: true }); // A link to what is gone.
  symlinkSync(relative(at('node_modules/.bin'), at(file)), link);
}

async function buildServer() {
  await step({
    name: 'src',
    inputs: [...filesUnder('src'), 'tsconfig.json', 'package-lock.json'],
    stamp: 'dist/.src-stamp',
    built: () => sources.map(outputOf).every((file) => existsSync(at(file))),
    tool: developmentModule('typescript/lib/tsc.js'),
    build: compile,
  });
  copyHome();
  await step({
    name: 'GraphiQL',
    inputs: [...filesUnder('web/graphiql'), 'web/home/icon.svg', 'web/tsconfig.json', 'package-lock.json'],
    stamp: 'dist/web/.graphiql-stamp',
    built: () => existsSync(at('dist/web/graphiql/index.html')),
    tool: developmentModule('vite'),
    build: bundleGraphiql,
  });
  makeExecutable('dist/cli/main.js');
  linkCommand('trailgraph', 'dist/cli/main.js');
}

async function buildClient() {
  const own = ['index.ts', 'documents.ts', 'tsconfig.json', 'vite.config.mts'].map(
    (file) => `${CLIENT}/${file}`,
  );
  await step({
    name: '@trailgraph/client',
    inputs: [...filesUnder('src/client'), ...filesUnder('src/generated'), ...own, 'package-lock.json'],
    stamp: `${CLIENT}/.build-stamp`,
    built: () => CLIENT_MODULES.every((name) => existsSync(at(CLIENT, 'dist', `${name}.d.mts`))),
    tool: developmentModule('vite'),
    build: bundleClient,
  });
}

try {
  await (process.argv[2] === 'client' ? buildClient() : buildServer());
} catch (error) {
  console.error(`build: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
