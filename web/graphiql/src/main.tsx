import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './app.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { Session } from './session';
import { takeStoredSession } from './stored-session';

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');

const session = new Session(await takeStoredSession());
createRoot(root).render(
  <StrictMode>
    <App session={session} />
  </StrictMode>,
);
