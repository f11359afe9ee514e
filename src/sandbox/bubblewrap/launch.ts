/**
 * The command that starts the program in its bottle. Everything that it needs is in files of the bottle's directory, so
 * process lists show no variable and no path, and whoever starts it needs no knowledge of the sandbox. In the end it is
 *
 *     bash -c KEYS bot-bottle  nsenter -t HOLDER -U --preserve-credentials -m -n -p --
 *       bash -c LAUNCH bot-bottle  NET-NAMESPACE BWRAP ARGUMENTS-FILE SECCOMP-FILE NICE LIMITS
 *         env --default-signal=INT,QUIT --  COMMAND ARG…
 *
 * where LAUNCH closes descriptors, opens the two files, limits itself and becomes `nice bwrap --args 3 -- env … COMMAND ARG…` (`scripts.ts`).
 */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BottleError } from '../../core/errors.ts'
import type { Limits } from '../../core/limits/limits.ts'
import type { LaunchCommand } from '../sandbox.ts'
import type { Holder } from './holder.ts'
import type { HostAbilities, HostTools } from './host-tools.ts'
import { launchLimits } from './kernel-limits.ts'
import { bashFlags, launchIgnoringKeys, launchScript } from './scripts.ts'
import { buildSeccompProgram, type SeccompOptions } from './seccomp.ts'
import { type SeccompArchitecture, syscallTables } from './syscalls.ts'

export interface LaunchFiles {
  readonly argumentsPath: string
  readonly seccompPath: string
}

export async function writeLaunchFiles(
  directory: string,
  { bwrapArguments, ...filter }: SeccompOptions & { readonly bwrapArguments: readonly string[] },
): Promise<LaunchFiles> {
  const files = { argumentsPath: path.join(directory, 'bwrap.args'), seccompPath: path.join(directory, 'seccomp.bpf') }
  await Promise.all([
    writeFile(files.argumentsPath, encodeArguments(bwrapArguments), { mode: 0o600 }),
    writeFile(files.seccompPath, buildSeccompProgram(seccompArchitecture(process.arch), filter), { mode: 0o600 }),
  ])
  return files
}

export function launchCommand(options: {
  readonly tools: HostTools
  readonly abilities: HostAbilities
  readonly holder: Holder
  readonly files: LaunchFiles
  readonly limits: Limits
  readonly command: readonly [file: string, ...args: string[]]
}): LaunchCommand {
  const { tools, abilities, holder, files, limits, command } = options
  const keys = abilities.defaultSignal
    ? { script: launchIgnoringKeys, restore: ['/usr/bin/env', '--default-signal=INT,QUIT', '--'] }
    : { script: 'exec "$@"', restore: [] }
  return {
    file: tools.bash,
    args: [
      ...[...bashFlags, keys.script, 'bot-bottle'],
      ...[
        tools.nsenter,
        '-t',
        String(holder.reference.holderPid),
        '-U',
        '--preserve-credentials',
        '-m',
        '-n',
        '-p',
        '--',
      ],
      ...[tools.bash, ...bashFlags, launchScript, 'bot-bottle'],
      ...[holder.reference.networkNamespace, tools.bwrap, files.argumentsPath, files.seccompPath],
      ...[tools.nice, ...launchLimits(limits, abilities)],
      ...[...keys.restore, ...command],
    ],
    env: { PATH: '/usr/bin:/bin' },
    cwd: '/',
  }
}

/** Safety: a NUL in a name or a value would be the start of another argument, for instance of a mount. */
export function encodeArguments(args: readonly string[]): string {
  const broken = args.find((arg) => arg.includes('\0'))
  if (broken !== undefined) {
    throw new BottleError(
      'usage',
      `a path or variable of the bottle contains a NUL character: ${JSON.stringify(broken)}`,
    )
  }
  return args.map((arg) => `${arg}\0`).join('')
}

/** Throws BottleError `sandbox_unavailable` for a processor whose system calls we have no table of. */
function seccompArchitecture(architecture: string): SeccompArchitecture {
  if (architecture in syscallTables) return architecture as SeccompArchitecture
  throw new BottleError('sandbox_unavailable', `the bubblewrap sandbox does not know the processor ${architecture}`, {
    hint: `It runs on ${Object.keys(syscallTables).join(' and ')}.`,
  })
}
