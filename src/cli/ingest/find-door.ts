import type { CommandSettings } from '../../config/settings';
import { DIRECT_SOURCE_ID } from '../../domain/source';
import { CommandFailure } from '../failure';
import { noteIn } from '../running-server';

/** Where records are pushed, and what opens it. */
export interface Door {
  /** Of the server, as people know it. */
  server: string;
  /** Of the door itself. */
  url: string;
  source: string;
  token: string;
}

export interface DoorQuestion {
  source: string;
  /** Given by option. */
  url: string | null;
  dataDir: string | null;
  settings: CommandSettings;
}

/**
 * The door of the server that is named, else of the one that runs at this machine.
 * @throws CommandFailure where there is no server, or no token for it
 */
export async function findDoor({ source, url, dataDir, settings }: DoorQuestion): Promise<Door> {
  const given = settings.TRAILGRAPH_TOKEN;
  if (url !== null) {
    if (given === undefined)
      throw new CommandFailure(
        `Set TRAILGRAPH_TOKEN to the ingest token of the source ${source}, or to an API key or the access token of an OPERATOR.`,
      );
    return doorOf(url, source, given);
  }
  const folder = dataDir ?? settings.DATA_DIR;
  const note = await noteIn(folder);
  if (!note) {
    throw new CommandFailure(
      `No server runs on ${folder}: start it with \`npm start\`, name its folder with --data-dir, or name another one with --url and TRAILGRAPH_TOKEN.`,
    );
  }
  if (given === undefined && source !== DIRECT_SOURCE_ID) {
    throw new CommandFailure(
      `Set TRAILGRAPH_TOKEN to the ingest token of the source ${source}, or to an API key or the access token of an OPERATOR: without it only \`${DIRECT_SOURCE_ID}\` is open to you.`,
    );
  }
  return doorOf(note.url, source, given ?? note.ingestToken);
}

function doorOf(server: string, source: string, token: string): Door {
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol)) {
    throw new CommandFailure(`--url ${server} is not an http or https URL, such as http://localhost:4000.`);
  }
  const base = server.replace(/\/+$/, '');
  return { server: base, url: `${base}/ingest/${encodeURIComponent(source)}`, source, token };
}
