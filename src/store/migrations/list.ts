import { dropReplacedIndexes } from './0001-drop-replaced-indexes';
import type { Migration } from './migration';

/** Every migration, by number. */
export const MIGRATIONS: readonly Migration[] = [dropReplacedIndexes];
