/**
 * The arguments of bwrap for one bottle, in the order in which it mounts: later ones lie over earlier ones. Pure.
 *
 * **Invariant** Nothing of the host is visible but what is named here (S04, S17).
 */
import type { InstallPaths } from '../install-paths.ts'
import { agentUser } from './etc-files.ts'
import { readOnly, readWrite, symlink, temporary } from './mount-arguments.ts'
import { seccompDescriptor } from './scripts.ts'

export interface BottleView {
  readonly hostname: string
  /** /usr and what on this host leads into it, as arguments. */
  readonly systemRoot: readonly string[]
  readonly etc: readonly string[]
  /** Host path of the bundle, and where it is mounted. */
  readonly caBundle: { readonly source: string; readonly targets: readonly string[] }
  /** The same for Java. */
  readonly trustStore: { readonly source: string; readonly targets: readonly string[] }
  readonly caCertificate: { readonly source: string; readonly target: string }
  /** Those of `emptyProcFiles` that the host's kernel has. */
  readonly emptyProcFiles: readonly string[]
  readonly install: InstallPaths
  readonly readOnlyPaths: readonly string[]
  readonly home: string
  /** Host path and the path inside. */
  readonly workspace: { readonly source: string; readonly target: string }
  readonly environment: Readonly<Record<string, string>>
  readonly disableUserns: boolean
  /** Of each folder that is kept in memory; null: as the kernel has it, half of the host's memory. */
  readonly tmpfsBytes: number | null
}

/**
 * Safety: when the host's user is root, the files of /proc/sys are writable by their owner's uid without any capability,
 * and bwrap does not cover them: a bottle could set core_pattern and run a program on the host. Covered for every user.
 */
const readOnlyProc = ['sys', 'sysrq-trigger', 'irq', 'bus', 'fs', 'acpi', 'scsi', 'pressure', 'mtrr'] as const
/** What Docker masks too: memory, keys and timers of the whole host. */
export const emptyProcFiles = ['kcore', 'keys', 'key-users', 'kmsg', 'timer_list', 'sched_debug', 'latency_stats'].map(
  (name) => `/proc/${name}`,
)

export function bwrapArguments(view: BottleView): readonly string[] {
  const { hostname, install, home, workspace, caBundle, trustStore, caCertificate, tmpfsBytes } = view
  const size = tmpfsBytes === null ? [] : ['--size', String(tmpfsBytes)]
  return [
    ...[
      '--unshare-user',
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--unshare-cgroup-try',
      '--die-with-parent',
    ],
    ...(view.disableUserns ? ['--disable-userns'] : []),
    ...['--cap-drop', 'ALL', '--uid', String(agentUser.id), '--gid', String(agentUser.id), '--hostname', hostname],
    ...view.systemRoot,
    ...['--dev', '/dev', ...temporary('/dev/shm', size), '--remount-ro', '/dev', '--proc', '/proc'],
    ...readOnlyProc.flatMap((name) => ['--ro-bind-try', `/proc/${name}`, `/proc/${name}`]),
    ...view.emptyProcFiles.flatMap((file) => readOnly('/dev/null', file)),
    ...temporary('/tmp', size),
    ...[...size, '--tmpfs', '/run', ...size, '--tmpfs', '/var'],
    ...temporary('/var/tmp', size),
    ...view.etc,
    ...caBundle.targets.flatMap((target) => readOnly(caBundle.source, target)),
    ...trustStore.targets.flatMap((target) => readOnly(trustStore.source, target)),
    ...readOnly(caCertificate.source, caCertificate.target),
    ...install.readOnly.flatMap((path) => readOnly(path)),
    ...install.symlinks.flatMap(([link, target]) => symlink(target, link)),
    ...view.readOnlyPaths.flatMap((path) => readOnly(path)),
    ...readWrite(home, agentUser.home),
    ...readWrite(workspace.source, workspace.target),
    ...['--remount-ro', '/', '--chdir', workspace.target, '--clearenv'],
    ...Object.entries(view.environment).flatMap(([name, value]) => ['--setenv', name, value]),
    ...['--seccomp', String(seccompDescriptor)],
  ]
}
