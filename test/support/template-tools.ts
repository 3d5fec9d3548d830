import { runCommand } from '../../src/embedded/run-command';
import { type PipTool, pipTool } from './pip-tool';

const CFN_LINT: PipTool = {
  name: 'cfn-lint',
  packages: [
    'cfn-lint==1.58.0',
    'jsonpatch==1.47',
    'jsonpointer==3.12',
    'mpmath==1.3.0',
    'networkx==3.6.1',
    'pyyaml==6.0.3',
    'regex==2026.11.15',
    'sympy==1.14.0',
    'typing_extensions==4.16.0',
  ],
};
const HCL: PipTool = {
  name: 'python-hcl2',
  packages: ['python-hcl2==8.1.4', 'lark==1.3.1', 'regex==2026.11.15'],
};
const RUN_WITHIN_MS = 120_000;

/** What cfn-lint says of a template, informational notes included; empty where it says nothing. */
export async function cfnLint(path: string): Promise<string> {
  const checks = ['--include-checks', 'I', '--regions', 'us-east-1', 'eu-central-1', 'us-gov-west-1'];
  const { code, stdout, stderr } = await python(CFN_LINT, [
    '-c',
    'import sys; from cfnlint.runner import main; sys.exit(main())',
    ...[...checks, '--template', path],
  ]);
  if (code === 0) return `${stdout}${stderr}`.trim();
  return `exit code ${code}: ${stdout}${stderr}`;
}

/** A CloudFormation template as JSON has it, with its functions in their long form. */
export async function readCfn(path: string): Promise<Record<string, unknown>> {
  const script =
    'import json, sys; from cfnlint.decode import decode; t, m = decode(sys.argv[1]); assert not m, m; print(json.dumps(t))';
  return read(CFN_LINT, script, path);
}

/** A Terraform file as HCL has it. */
export async function readHcl(path: string): Promise<Record<string, unknown>> {
  return read(HCL, 'import json, sys, hcl2; print(json.dumps(hcl2.load(open(sys.argv[1]))))', path);
}

async function read(tool: PipTool, script: string, path: string): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await python(tool, ['-c', script, path]);
  if (code !== 0) throw new Error(`${tool.name} can not read ${path}: ${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

async function python(tool: PipTool, args: string[]) {
  const folder = await pipTool(tool);
  return runCommand('python3', args, {
    timeoutMs: RUN_WITHIN_MS,
    env: { ...process.env, PYTHONPATH: folder, PYTHONNOUSERSITE: '1' },
  });
}
