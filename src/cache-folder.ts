import { join } from 'node:path';

export interface CachePlaces {
  /** XDG_CACHE_HOME. */
  cacheHome: string | undefined;
  /** @throws where the user has no home, as one that a container knows by number alone */
  home: () => string;
  dataDir: string;
}

/** Where fetched programs are kept: for all servers of a user, or with the data of one whose user has no home. */
export function cacheFolder({ cacheHome, home, dataDir }: CachePlaces): string {
  if (cacheHome) return join(cacheHome, 'trailgraph');
  try {
    return join(home(), '.cache', 'trailgraph');
  } catch {
    return join(dataDir, 'cache');
  }
}
