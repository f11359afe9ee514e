/**
 * A directory with a writable layer over it, as a bottle has it: a real holder, real mounts. Scripts change what a bottle's program
 * would see; the directory itself stays for the test to look at.
 */
import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { startHolder } from '../../src/sandbox/bubblewrap/holder.ts'
import { findHostTools } from '../../src/sandbox/bubblewrap/host-tools.ts'
import { mountOverlay } from '../../src/sandbox/bubblewrap/mount-layers.ts'
import { searchPathOf } from '../../src/sandbox/find-tool.ts'
import { type LayerStack, readStack } from '../../src/sandbox/layers/layer-stack.ts'
import { type MountOverlay, mountStack, openStack } from '../../src/sandbox/layers/open-stack.ts'
import { removeTree } from '../../src/sandbox/layers/remove-entry.ts'
import type { OverlayStack } from '../../src/sandbox/layers/seal.ts'

const run = promisify(execFile)

/** Everything that a program can see of a tree, a line an entry. */
const listScript = `find . -mindepth 1 -printf '%P %y %m %l ' \\( -type f -exec sha256sum {} \\; -o -printf '\\n' \\) | sort`

export interface LayeredProject extends AsyncDisposable {
  readonly originalPath: string
  /** As it is recorded now. */
  stack(): Promise<LayerStack>
  /** The words that run a command where the bottle's program works. */
  command(words: readonly string[]): readonly string[]
  /** Runs a script as the bottle's program would, in its view; resolves to what it prints. */
  inside(script: string): Promise<string>
  /** The bottle's view. */
  view(): Promise<string>
  /** Ends the holder, as the end of a bottle does. */
  end(): Promise<void>
  /** Mounts the layers again, as a resume does. */
  resume(): Promise<void>
}

export async function openLayeredProject(form: 'overlay' | 'copy', script: string): Promise<LayeredProject> {
  await using stack = new AsyncDisposableStack()
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'bot-bottle-layers-')))
  stack.defer(() => removeTree(root))
  const originalPath = path.join(root, 'project, with: signs')
  const bottleDirectory = path.join(root, 'bottle')
  for (const folder of [originalPath, bottleDirectory]) mkdirSync(folder)
  await inFolder(originalPath, script)
  const tools = findHostTools(searchPathOf(process.env))
  let holder = await startHolder(tools, { maxPids: null, signal: AbortSignal.timeout(10_000) })
  stack.defer(() => holder.kill())
  const mount: MountOverlay = (directory, layers) =>
    mountOverlay(tools, { holder: holder.reference, directory, layers })
  const request = {
    bottleDirectory,
    name: 'workspace',
    originalPath,
    mount: form === 'overlay' ? mount : undefined,
  } as const
  const opened = await openStack(request)
  if (opened.stack.form.kind !== form) throw new Error(`no ${form}: ${JSON.stringify(opened.stack.form)}`)
  const command = (words: readonly string[]) => {
    const enter = ['-t', String(holder.reference.holderPid), '-U', '--preserve-credentials', '-m', '--']
    return ['nsenter', ...enter, 'bash', '-c', 'cd "$0" && exec "$@"', opened.writablePath, ...words]
  }
  const inside = async (script: string) => {
    const [file = '', ...args] = command(['bash', '-ec', script])
    return (await run(file, args)).stdout
  }
  const current = async () => {
    const found = await readStack(opened.stack.directory)
    if (found === undefined) throw new Error('the stack is gone')
    return found
  }
  const resources = stack.move()
  return {
    originalPath,
    stack: current,
    command,
    inside,
    view: () => inside(listScript),
    end: () => holder.kill(),
    async resume() {
      holder = await startHolder(tools, { maxPids: null, signal: AbortSignal.timeout(10_000) })
      await mountStack(await current(), mount)
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}

/** Runs a script in a folder of the host; resolves to what it prints. */
export async function inFolder(folder: string, script: string): Promise<string> {
  return (await run('bash', ['-ec', script], { cwd: folder })).stdout
}

/** As a user who may do there what the holder's root may do in the bottle's view. */
export async function inFolderAsRoot(folder: string, script: string): Promise<void> {
  await run('unshare', ['--user', '--map-root-user', 'bash', '-ec', script], { cwd: folder })
}

export const listing = (folder: string): Promise<string> => inFolder(folder, listScript)

export function overlayOf(stack: LayerStack): OverlayStack {
  const { form } = stack
  if (form.kind !== 'overlay') throw new Error('not an overlay')
  return { ...stack, form }
}
