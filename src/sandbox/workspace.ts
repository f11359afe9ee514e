/**
 * The two writable places of a bottle on the host: its home and its workspace.
 *
 * **Invariant** A workspace never shows the bottle what confines it (its own directory), the user's home as a whole, or
 * the system: such a path is refused, not narrowed.
 */
import { mkdir, realpath, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { BottleError, messageOf } from '../core/errors.ts'
import { readStack, type StackName, stackDirectory, writtenPath } from './layers/layer-stack.ts'
import { type MountOverlay, mountStack, openStack, type StackRequest } from './layers/open-stack.ts'
import { isWithin } from './path-within.ts'
import type { SandboxSpec, Workspace } from './sandbox.ts'

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

/** Where the bottle has its workspace. Throws BottleError `usage` for a path that would hide what every bottle has. */
export function shownPath(workspace: Workspace, realPath: string | undefined): string | undefined {
  const shown = workspace.kind === 'layer' || workspace.kind === 'copy' ? workspace.shownAt : undefined
  if (shown === undefined) return realPath
  const isFree =
    !systemFolders.some((folder) => isWithin(shown, folder)) && !sharedFolders.some((folder) => folder === shown)
  if (path.isAbsolute(shown) && path.normalize(shown) === shown && isFree) return shown
  throw refusal(shown, 'cannot be shown at this path')
}

/** Where the program is to write, for bwrap, and where that lies on the host. */
export interface WritablePlace {
  readonly writablePath: string
  readonly hostPath: string
}

/** The directory itself, a layer over it, or an empty one; what is kept from before goes on. `mount: undefined` where nobody can mount an overlay. */
export async function openWorkspace(
  spec: SandboxSpec,
  { realPath, mount }: { readonly realPath: string | undefined; readonly mount: MountOverlay | undefined },
): Promise<WritablePlace> {
  const { kind } = spec.workspace
  const kept = await openKept(spec, 'workspace', mount)
  if (kept) return kept
  if (realPath !== undefined && kind === 'direct') return { writablePath: realPath, hostPath: realPath }
  if (realPath !== undefined) {
    return openLayer(spec, { name: 'workspace', originalPath: realPath, mount: kind === 'layer' ? mount : undefined })
  }
  const empty = path.join(spec.directory, 'workspace')
  await mkdir(empty, { recursive: true })
  return { writablePath: empty, hostPath: empty }
}

/** A layer over the bottle's first files. Throws BottleError `usage` for a path that leads out of the home. */
export async function openHome(spec: SandboxSpec, mount: MountOverlay | undefined): Promise<WritablePlace> {
  const kept = await openKept(spec, 'home', mount)
  if (kept) return kept
  const originalPath = path.join(stackDirectory(spec.directory, 'home'), 'first')
  await writeHomeFiles(originalPath, spec.homeFiles)
  return openLayer(spec, { name: 'home', originalPath, mount })
}

/** What a bottle that was frozen left: its layers are mounted again, its copy is used on. */
async function openKept(
  { directory }: SandboxSpec,
  name: StackName,
  mount: MountOverlay | undefined,
): Promise<WritablePlace | undefined> {
  const stack = await readStack(stackDirectory(directory, name))
  if (stack === undefined) return undefined
  const { writablePath } = await mountStack(stack, mount ?? cannotMount)
  return { writablePath, hostPath: writtenPath(stack) }
}

const cannotMount: MountOverlay = async () => ({ kind: 'refused', because: 'this sandbox mounts nothing' })

async function openLayer(spec: SandboxSpec, request: Omit<StackRequest, 'bottleDirectory'>): Promise<WritablePlace> {
  const { stack, writablePath } = await openStack({ bottleDirectory: spec.directory, ...request })
  return { writablePath, hostPath: writtenPath(stack) }
}

async function writeHomeFiles(home: string, homeFiles: SandboxSpec['homeFiles']): Promise<void> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  for (const [relative, content] of Object.entries(homeFiles)) {
    const file = path.join(home, relative)
    if (path.isAbsolute(relative) || file === home || !isWithin(file, home)) {
      throw new BottleError('usage', `the home file "${relative}" is not inside the bottle's home`, {
        hint: 'Give a path relative to the home directory, without "..".',
      })
    }
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(file, content, { mode: 0o600 })
  }
}

function refusal(file: string, reason: string, cause?: unknown): BottleError {
  return new BottleError('usage', `the workspace ${file} ${reason}`, {
    hint: 'Start from the directory of one project, or use `--workspace none`.',
    cause,
  })
}
