import type { CommandSettings } from '../../config/settings';
import { CommandFailure } from '../failure';
import { noteIn } from '../running-server';
import type { Api } from './api-client';

/**
 * The server that is named, else the one that runs at this machine.
 * @throws CommandFailure where there is no server, or no token for it
 */
export async function findApi(options: {
  url: string | null;
  dataDir: string | null;
  settings: CommandSettings;
}): Promise<Api> {
  const { url, settings } = options;
  const folder = options.dataDir ?? settings.DATA_DIR;
  const server = url ?? (await noteIn(folder))?.url;
  if (server === undefined) {
    throw new CommandFailure(
      `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or name another one with --url.`,
    );
  }
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    throw new CommandFailure(`--url ${server} is not an http or https URL, such as http://localhost:4000.`);
  const token = settings.TRAILGRAPH_TOKEN;
  if (token === undefined)
    throw new CommandFailure('Set TRAILGRAPH_TOKEN to the access token of an OPERATOR (`login` gives one).');
  return { server: server.replace(/\/+$/, ''), token };
}
