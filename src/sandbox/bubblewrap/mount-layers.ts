/**
 * Mounts overlays in the mount namespace of a bottle's holder: they live as long as the holder, whatever becomes of the
 * controller, and no other process of the host sees them.
 */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'
import type { MountOutcome } from '../layers/open-stack.ts'
import type { Finding } from '../sandbox.ts'
import type { HostTools } from './host-tools.ts'
import type { HolderReference } from './process-identity.ts'
import { bashFlags, mountOverlayScript } from './scripts.ts'

const run = promisify(execFile)
const mountTimeoutMs = 10_000

/** `layers`: folders, the one that is written to first. */
export async function mountOverlay(
  { nsenter, mount, bash }: HostTools,
  {
    holder,
    directory,
    layers,
  }: {
    readonly holder: HolderReference
    readonly directory: string
    readonly layers: readonly string[]
  },
): Promise<MountOutcome> {
  const options = await overlayOptions(directory, layers)
  const enter = ['-t', String(holder.holderPid), '-U', '--preserve-credentials', '-m', '-p', '--']
  const script = [bash, ...bashFlags, mountOverlayScript, 'mount', directory, mount, options]
  const failure = await failureOf(nsenter, [...enter, ...script])
  return failure === undefined ? { kind: 'mounted', holder } : { kind: 'refused', because: failure }
}

/**
 * Layers are named by links in the folder that the mount is made from: paths with commas and colons need no quoting, any number
 * fits into the page that mount(2) takes, and none is shown to the bottle in /proc/self/mountinfo.
 */
async function overlayOptions(directory: string, layers: readonly string[]): Promise<string> {
  const links = layers.map((_, index) => `layer-${index}`)
  for (const [index, target] of layers.entries()) {
    const link = path.join(directory, `layer-${index}`)
    await rm(link, { force: true })
    await symlink(target, link)
  }
  const [upper, ...lowers] = links
  return `upperdir=${upper},workdir=work,lowerdir=${lowers.join(':')},userxattr,index=off`
}

/** Whether the kernel mounts overlays for this user on the file system of a folder. A copy does as well, so it is never a failure. */
export async function examineOverlay(tools: HostTools, folder: string): Promise<Finding> {
  const refused = await probeOverlay(tools, folder).catch(messageOf)
  const found = refused === undefined ? 'overlay' : `copies (an overlay is refused: ${refused})`
  return { subject: 'writable layers', ok: true, found }
}

async function probeOverlay({ unshare, mount, bash }: HostTools, folder: string): Promise<string | undefined> {
  const directory = await mkdtemp(path.join(folder, '.overlay-probe-'))
  try {
    const layers = ['upper', 'lower'].map((name) => path.join(directory, name))
    for (const made of [...layers, path.join(directory, 'work'), path.join(directory, 'merged')]) await mkdir(made)
    const options = await overlayOptions(directory, layers)
    const script = [bash, ...bashFlags, mountOverlayScript, 'mount', directory, mount, options]
    return await failureOf(unshare, ['--user', '--map-root-user', '--mount', ...script])
  } finally {
    await rm(directory, { recursive: true })
  }
}

async function failureOf(file: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await run(file, [...args], { timeout: mountTimeoutMs, cwd: '/', env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } })
    return undefined
  } catch (failure) {
    const stderr = failure instanceof Error && 'stderr' in failure ? String(failure.stderr).trim() : ''
    return stderr.split('\n', 1).join('') || messageOf(failure)
  }
}
