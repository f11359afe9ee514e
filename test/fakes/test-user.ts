/**
 * Whose processes a test starts. Root also plays an ordinary user, who sees this checkout and this Node at readable paths: they
 * may lie below private directories, and are too large to copy. Mounts made for that end with the process they were made for.
 */
import { mkdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findTool, searchPathOf } from '../../src/sandbox/find-tool.ts'

export interface TestUser {
  readonly title: string
  /** Absent: the user of this process. */
  readonly uid?: number
}

const isRoot = process.getuid?.() === 0
const ordinaryUid = 65_534

export const testUsers: readonly TestUser[] = isRoot
  ? [{ title: 'as root' }, { title: 'as an ordinary user', uid: ordinaryUid }]
  : [{ title: 'as an ordinary user' }]

export const checkout = fileURLToPath(new URL('../..', import.meta.url))
const nodePrefix = dirname(dirname(process.execPath))

/** $1, $2 = checkout and where to show it, $3, $4 = the same for Node, $5 = user, then the command. */
const showReadably = `set -e
mount --bind "$1" "$2"
mount --bind "$3" "$4"
user=$5
shift 5
exec setpriv --reuid="$user" --regid="$user" --clear-groups "$@"`

/** The words before the arguments of `bot-bottle`, as that user. */
export function userCommand(directory: string, user: TestUser | undefined): readonly string[] {
  const { checkoutPath, nodePath } = visiblePaths(directory, user)
  const product = [nodePath, join(checkoutPath, 'src/main.ts')]
  if (user?.uid === undefined) return product
  const mounts = [checkout, checkoutPath, nodePrefix, dirname(dirname(nodePath))]
  for (const path of [mounts[1], mounts[3]]) if (path !== undefined) mkdirSync(path, { recursive: true })
  return [
    ...['unshare', '--mount', '--propagation', 'private', 'bash', '-c', showReadably, 'as-user'],
    ...mounts,
    String(user.uid),
    ...product,
  ]
}

/** Where the checkout and Node are for that user. */
export function visiblePaths(
  directory: string,
  user: TestUser | undefined,
): { readonly checkoutPath: string; readonly nodePath: string } {
  if (user?.uid === undefined) return { checkoutPath: checkout, nodePath: process.execPath }
  return { checkoutPath: join(directory, 'checkout'), nodePath: join(directory, 'node/bin/node') }
}

/** Words in front of a command that make a tool of the host missing for it and for what it starts, in mounts of its own. */
export function withoutTool(name: string): readonly string[] {
  const file = findTool(name, searchPathOf(process.env))
  if (file === undefined) throw new Error(`${name} is needed for this test`)
  const namespaces = [...(isRoot ? [] : ['--user', '--map-root-user']), '--mount', '--propagation', 'private']
  return ['unshare', ...namespaces, 'bash', '-c', 'mount --bind /dev/null "$0" && exec "$@"', realpathSync(file)]
}
