/**
 * The program of the small Node process between us and a server: it ends the server when our end of its standard
 * input closes. The kernel closes it however we end, by SIGKILL too, so no server is left behind; a wanted stop is
 * the same event, so there is one way to stop.
 *
 * A string for `node -e`, so that it runs the same from the compiled product and under a test runner that compiles
 * in memory. Arguments: grace in ms between SIGTERM and SIGKILL, program, its arguments. Writes JSON lines to
 * standard output: `{"pid"}` or `{"error"}`, then `{"exit"}` in words. The server's output goes to our standard error.
 */
export const SUPERVISOR_SCRIPT = `
const { spawn } = require('node:child_process');
const self = require('node:process');
const { stdin, stdout, stderr } = self;
const [graceMs, program, ...args] = self.argv.slice(1);
for (const stream of [stdin, stdout, stderr]) stream.on('error', () => {});
const tell = (fact, then) => stdout.write(JSON.stringify(fact) + '\\n', then);

const server = spawn(program, args, { stdio: ['ignore', 2, 2] });
let stopping = false;
function stop() {
  if (stopping) return;
  stopping = true;
  server.kill('SIGTERM');
  setTimeout(() => server.kill('SIGKILL'), Number(graceMs));
}
server.on('spawn', () => tell({ pid: server.pid }));
server.on('error', (error) => {
  if (server.pid === undefined) tell({ error: error.message }, () => self.exit(1));
});
server.on('exit', (code, signal) => {
  tell({ exit: signal ? 'by ' + signal : 'with code ' + code }, () => self.exit(0));
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) self.on(signal, stop);
for (const event of ['end', 'close']) stdin.on(event, stop);
stdin.resume();
`;
