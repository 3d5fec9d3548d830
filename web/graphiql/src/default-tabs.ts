import live from './tabs/live.graphql?raw';
import recentEvents from './tabs/recent-events.graphql?raw';
import sources from './tabs/sources.graphql?raw';
import start from './tabs/start.graphql?raw';

/** What a browser that has no tabs stored yet opens with. */
export const defaultTabs = [
  { query: start },
  { query: recentEvents, variables: '{\n  "first": 10\n}' },
  { query: live, variables: '{\n  "filter": {}\n}' },
  { query: sources },
];
