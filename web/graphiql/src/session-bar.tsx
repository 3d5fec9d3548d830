import { type FormEvent, useId, useState, useSyncExternalStore } from 'react';
import type { Session } from './session';

interface Props {
  session: Session;
}

/** Who is signed in, or the form to become so. */
export function SessionBar({ session }: Props) {
  const { email, ended } = useSyncExternalStore(session.subscribe, session.snapshot);
  return (
    <header className="bar">
      <a className="brand" href="/" title="TrailGraph's start page">
        TrailGraph
      </a>
      {email === null ? (
        <SignInForm session={session} ended={ended} />
      ) : (
        <SignedIn session={session} email={email} />
      )}
    </header>
  );
}

function SignedIn({ session, email }: Props & { email: string }) {
  const [problem, setProblem] = useState<string | null>(null);
  const signOut = () => session.signOut().catch((error: unknown) => setProblem(messageOf(error)));
  return (
    <div className="session">
      <output aria-live="polite">
        Signed in as <strong>{email}</strong>
        <span className="hint"> · sent with every request unless Headers has its own Authorization</span>
      </output>
      {problem && <Problem text={problem} />}
      <button type="button" onClick={() => void signOut()}>
        Sign out
      </button>
    </div>
  );
}

function SignInForm({ session, ended }: Props & { ended: string | null }) {
  const [signingUp, setSigningUp] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(ended);

  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const field = (name: string) => String(form.get(name) ?? '').trim();
    const credentials = { email: field('email'), password: String(form.get('password') ?? '') };
    setBusy(true);
    setProblem(null);
    try {
      await (signingUp ? session.signUp(credentials, field('setupToken')) : session.signIn(credentials));
    } catch (error) {
      setProblem(messageOf(error));
      setBusy(false);
    }
  };

  return (
    <form
      className="session"
      onSubmit={(event) => void submit(event)}
      aria-label={signingUp ? 'Sign up' : 'Sign in'}
    >
      {problem && <Problem text={problem} />}
      <Field label="Email" name="email" type="email" autoComplete="username" required />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete={signingUp ? 'new-password' : 'current-password'}
        minLength={signingUp ? 8 : undefined}
        required
      />
      {signingUp && (
        <Field label="Set-up token (if the server's log shows one)" name="setupToken" autoComplete="off" />
      )}
      <button type="submit" className="primary" disabled={busy}>
        {signingUp ? 'Sign up' : 'Sign in'}
      </button>
      <button type="button" className="link" onClick={() => setSigningUp(!signingUp)}>
        {signingUp ? 'Sign in instead' : 'No account yet? Sign up'}
      </button>
    </form>
  );
}

type FieldProps = {
  label: string;
  name: string;
  type?: string;
  autoComplete: string;
  minLength?: number;
  required?: boolean;
};

function Field({ label, ...input }: FieldProps) {
  const id = useId();
  return (
    <span className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} {...input} />
    </span>
  );
}

function Problem({ text }: { text: string }) {
  return (
    <span role="alert" className="problem">
      {text}
    </span>
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
