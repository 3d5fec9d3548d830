import { GraphiQL } from 'graphiql';
import { useMemo } from 'react';
import { defaultTabs } from './default-tabs';
import { createFetcher } from './fetcher';
import type { Session } from './session';
import { SessionBar } from './session-bar';

/** The page: who is signed in, GraphiQL, and where the geographic data come from. */
export function App({ session }: { session: Session }) {
  const fetcher = useMemo(() => createFetcher(session), [session]);
  return (
    <div className="page">
      <SessionBar session={session} />
      <main>
        <h1 className="unseen">TrailGraph · GraphiQL</h1>
        {/* Headers may hold an API key: they are never written to the browser's storage. */}
        <GraphiQL
          fetcher={fetcher}
          defaultTabs={defaultTabs}
          defaultEditorToolsVisibility="variables"
          shouldPersistHeaders={false}
        />
      </main>
      <footer className="attribution">
        <a href="https://db-ip.com" target="_blank" rel="noopener noreferrer">
          IP Geolocation by DB-IP
        </a>
        , see NOTICE
      </footer>
    </div>
  );
}
