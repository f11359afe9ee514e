/**
 * The host programs that this backend is made of, what they come in, and whether the kernel lets us use them.
 * `doctor` shows the findings; `open` throws the first that is not ok (S14).
 */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { BottleError, messageOf } from '../../core/errors.ts'
import { findTool } from '../find-tool.ts'
import type { Finding } from '../sandbox.ts'
import { examineLimits, findProcessLimit, type ProcessLimit } from './kernel-limits.ts'
import { bashFlags, networkCommands } from './scripts.ts'
import { isAtLeast, probeTimeoutMs, succeeds } from './try-tool.ts'

const run = promisify(execFile)
/** The first with `--perms`, which keeps /tmp as other programs expect it. */
const oldestBubblewrap = '0.5.0'
const firstWithDisableUserns = '0.8.0'
const firstWithTmpfsSize = '0.7.0'

const packages = {
  bwrap: 'bubblewrap',
  nsenter: 'util-linux',
  unshare: 'util-linux',
  ip: 'iproute2',
  mount: 'mount',
  bash: 'bash',
  nice: 'coreutils',
} as const

export type ToolName = keyof typeof packages
export type HostTools = Readonly<Record<ToolName, string>>

const toolNames = ['bwrap', 'nsenter', 'unshare', 'ip', 'mount', 'bash', 'nice'] as const satisfies readonly ToolName[]

/** Throws BottleError `sandbox_unavailable` naming the first tool that is missing. */
export function findHostTools(searchPath: readonly string[]): HostTools {
  const find = (name: ToolName): string => {
    const file = findTool(name, searchPath)
    if (file === undefined) throw unavailable(missing(name))
    return file
  }
  return {
    bwrap: find('bwrap'),
    nsenter: find('nsenter'),
    unshare: find('unshare'),
    ip: find('ip'),
    mount: find('mount'),
    bash: find('bash'),
    nice: find('nice'),
  }
}

/** What this host's programs can do; asked once for a backend. */
export interface HostAbilities {
  /** `bwrap --disable-userns`: a second lock besides seccomp. */
  readonly disableUserns: boolean
  /** `env --default-signal` (GNU): lets the wrappers ignore Ctrl-C while the program gets it. */
  readonly defaultSignal: boolean
  /** `bwrap --size`: a ceiling for what is kept in memory as files. */
  readonly tmpfsSize: boolean
  readonly processLimit: ProcessLimit
}

export async function findAbilities(tools: HostTools): Promise<HostAbilities> {
  const [version, env, processLimit] = await Promise.all([
    bubblewrapVersion(tools.bwrap).catch(() => ''),
    succeeds('/usr/bin/env', ['--default-signal=INT', 'true']),
    findProcessLimit(tools),
  ])
  return {
    disableUserns: isAtLeast(version, firstWithDisableUserns),
    defaultSignal: env.ok,
    tmpfsSize: isAtLeast(version, firstWithTmpfsSize),
    processLimit,
  }
}

export async function probeHost(searchPath: readonly string[]): Promise<readonly Finding[]> {
  const tools = new Map(toolNames.map((name) => [name, findTool(name, searchPath)]))
  const found = await Promise.all(toolNames.map((name) => probeTool(name, tools.get(name))))
  if (found.some((finding) => !finding.ok)) return found
  const all = findHostTools(searchPath)
  return [...found, ...(await probeKernel(all)), await examineLimits(all)]
}

async function probeTool(name: ToolName, file: string | undefined): Promise<Finding> {
  if (file === undefined) return missing(name)
  if (name !== 'bwrap') return { subject: name, ok: true, found: file }
  const version = await bubblewrapVersion(file).catch(messageOf)
  if (isAtLeast(version, oldestBubblewrap)) return { subject: name, ok: true, found: `${file}, version ${version}` }
  return {
    subject: name,
    ok: false,
    found: `${file}: ${version}`,
    hint: `Install bubblewrap ${oldestBubblewrap} or newer.`,
  }
}

/** Each step needs the one before, so the first failure is the cause. */
async function probeKernel({ bwrap, unshare, ip, bash }: HostTools): Promise<readonly Finding[]> {
  const namespaces = ['--user', '--map-root-user', '--net', '--pid', '--mount', '--fork', '--kill-child']
  const steps = [
    { subject: 'user namespaces', args: [bash, ...bashFlags, ':'], hint: await namespaceHint() },
    {
      subject: 'local route',
      args: [bash, ...bashFlags, networkCommands, 'probe', ip],
      hint: 'The kernel needs IPv4 policy routing tables (CONFIG_IP_MULTIPLE_TABLES is usual); use `--sandbox none` here.',
    },
    {
      subject: 'nested sandbox',
      args: [
        bwrap,
        '--unshare-user',
        '--unshare-pid',
        '--ro-bind',
        '/',
        '/',
        '--dev',
        '/dev',
        '--proc',
        '/proc',
        bash,
        ...bashFlags,
        ':',
      ],
      hint: 'Where /proc is masked, as in most containers, no new /proc can be mounted: run on the host, or use `--sandbox none`.',
    },
  ]
  const findings: Finding[] = []
  for (const { subject, args, hint } of steps) {
    const { ok, output } = await succeeds(unshare, [...namespaces, ...args])
    findings.push(ok ? { subject, ok, found: 'works' } : { subject, ok, found: output, hint })
    if (!ok) break
  }
  return findings
}

/** Why user namespaces may be off, by the switch that distributions use for it. */
async function namespaceHint(): Promise<string> {
  const readSwitch = async (name: string) => (await readFile(`/proc/sys/${name}`, 'utf8').catch(() => '')).trim()
  if ((await readSwitch('kernel/unprivileged_userns_clone')) === '0') {
    return 'Run as root: sysctl -w kernel.unprivileged_userns_clone=1 (Debian; keep it in /etc/sysctl.d).'
  }
  if ((await readSwitch('kernel/apparmor_restrict_unprivileged_userns')) === '1') {
    return 'Run as root: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or allow unshare and bwrap in AppArmor (Ubuntu 24.04).'
  }
  if ((await readSwitch('user/max_user_namespaces')) === '0') {
    return 'Run as root: sysctl -w user.max_user_namespaces=15000.'
  }
  return 'Inside a container allow user namespaces (Docker: a seccomp profile with unshare and mount), or use `--sandbox none`.'
}

/** The failure of `open` in the words of `doctor`. */
export function unavailable({ subject, found, hint }: Finding): BottleError {
  return new BottleError('sandbox_unavailable', `the bubblewrap sandbox cannot start: ${subject}: ${found}`, {
    ...(hint === undefined ? {} : { hint }),
  })
}

function missing(name: ToolName): Finding {
  return {
    subject: name,
    ok: false,
    found: 'not installed',
    hint: `Install the package ${packages[name]} (Debian: apt-get install ${packages[name]}).`,
  }
}

async function bubblewrapVersion(bwrap: string): Promise<string> {
  const { stdout } = await run(bwrap, ['--version'], { timeout: probeTimeoutMs })
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? stdout.trim()
}
