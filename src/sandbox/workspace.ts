/**
 * The two writable places of a bottle on the host: its home and its workspace.
 *
 * **Invariant** A workspace never shows the bottle what confines it (its own directory), the user's home as a whole, or
 * the system: such a path is refused, not narrowed.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { lstat, mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { BottleError, messageOf } from '../core/errors.ts'
import { isWithin } from './path-within.ts'
import type { SandboxSpec, Workspace } from './sandbox.ts'

const run = promisify(execFile)

/** Nothing in these is a project, and much of it confines or configures the bottle. */
const systemFolders = [
  '/usr',
  '/etc',
  '/proc',
  '/dev',
  '/sys',
  '/run',
  '/boot',
  '/bin',
  '/sbin',
  '/lib',
  '/lib64',
] as const
/** Shared by everyone on the host: fine to work below, not to hand over as a whole. */
const sharedFolders = ['/', '/tmp', '/var', '/var/tmp', '/home', '/opt', '/mnt', '/media'] as const

/** The host paths that must stay invisible: homes of the user and the bottle's directory. */
export interface PrivatePaths {
  readonly homes: readonly string[]
  readonly bottleDirectory: string
}

/** The workspace as a real host path. Throws BottleError `usage` for one that a bottle must not get. */
export async function checkWorkspace(
  workspace: Workspace,
  { homes, bottleDirectory }: PrivatePaths,
): Promise<string | undefined> {
  if (workspace.kind === 'none') return undefined
  if (!path.isAbsolute(workspace.path)) throw refusal(workspace.path, 'is not an absolute path')
  const real = await realpath(workspace.path).catch((cause: unknown) => {
    throw refusal(workspace.path, `cannot be opened: ${messageOf(cause)}`, cause)
  })
  if (!(await stat(real)).isDirectory()) throw refusal(workspace.path, 'is not a directory')
  const system = systemFolders.find((folder) => isWithin(real, folder))
  if (system !== undefined) throw refusal(workspace.path, `is inside ${system}`)
  if (sharedFolders.some((folder) => folder === real)) throw refusal(workspace.path, 'is a folder of the whole system')
  if (homes.some((home) => isWithin(home, real))) throw refusal(workspace.path, 'is or contains your home directory')
  if (isWithin(real, bottleDirectory) || isWithin(bottleDirectory, real)) {
    throw refusal(workspace.path, "overlaps the bottle's own directory")
  }
  return real
}

/** Where the program works on the host; a copy is made here. */
export async function prepareWorkspace(spec: SandboxSpec, realPath: string | undefined): Promise<string> {
  if (spec.workspace.kind === 'direct' && realPath !== undefined) return realPath
  const own = path.join(spec.directory, 'workspace')
  await mkdir(own, { recursive: true })
  if (realPath === undefined) return own
  try {
    await run('cp', ['-a', '--reflink=auto', '--', `${realPath}/.`, own])
  } catch (cause) {
    throw new BottleError('sandbox_failed', `the workspace ${realPath} could not be copied: ${messageOf(cause)}`, {
      hint: 'Look at the permissions and the free space, or use `--workspace direct`.',
      cause,
    })
  }
  return own
}

/** Creates the bottle's home with its first files. Throws BottleError `usage` for a path that leads out of it. */
export async function prepareHome(spec: SandboxSpec): Promise<string> {
  const home = path.join(spec.directory, 'home')
  await mkdir(home, { recursive: true, mode: 0o700 })
  for (const [relative, content] of Object.entries(spec.homeFiles)) {
    const file = path.join(home, relative)
    if (path.isAbsolute(relative) || file === home || !isWithin(file, home)) {
      throw new BottleError('usage', `the home file "${relative}" is not inside the bottle's home`, {
        hint: 'Give a path relative to the home directory, without "..".',
      })
    }
    await writeHomeFile(home, file, content)
  }
  return home
}

/** Safety: a home that was used before may hold symlinks that the bottle planted to make us write elsewhere. */
async function writeHomeFile(home: string, file: string, content: string): Promise<void> {
  let folder = home
  for (const part of path.relative(home, path.dirname(file)).split(path.sep)) {
    folder = path.join(folder, part)
    await mkdir(folder, { mode: 0o700 }).catch(ignoreExisting)
    if (!(await lstat(folder)).isDirectory()) throw new BottleError('sandbox_failed', `${folder} is not a directory.`)
  }
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
  await writeFile(file, content, { mode: 0o600, flag: flags })
}

function ignoreExisting(cause: unknown): void {
  if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
}

function refusal(file: string, reason: string, cause?: unknown): BottleError {
  return new BottleError('usage', `the workspace ${file} ${reason}`, {
    hint: 'Start from the directory of one project, or use `--workspace none`.',
    cause,
  })
}
