/**
 * Which host paths a program needs so that it runs in a bottle, given its absolute path.
 *
 * It follows the command's symlinks (kept as symlinks, so their folders stay invisible), its shebang, and the folder
 * that its kind of installation keeps together. What would show `/`, a home or the bottle's own directory is narrowed to
 * the file alone.
 *
 * Safety: a script may be of the project that is worked on, so whoever wrote that names its interpreter. An interpreter is
 * followed only where the kernel would run it, and what lies beside it stays hidden.
 */
import { closeSync, existsSync, lstatSync, openSync, readlinkSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { BottleError } from '../core/errors.ts'
import { isWithin } from './path-within.ts'

export interface InstallPaths {
  /** Host paths to show at the same path, read-only; none contains another. */
  readonly readOnly: readonly string[]
  /** Symlinks to create: their own path and what they hold. */
  readonly symlinks: readonly (readonly [link: string, target: string])[]
  /** Folders for the front of PATH: the command's, then its interpreter's. */
  readonly binFolders: readonly string[]
}

export interface InstallPathsOptions {
  /** The Node that `#!/usr/bin/env node` shall mean; it is made visible for such scripts. */
  readonly nodePath: string
  /** Paths that must not become visible, nor anything that contains them. */
  readonly hidden: readonly string[]
}

/** Always visible, so nothing below needs to be added. */
const visibleFolders = ['/usr', '/bin', '/sbin', '/lib', '/lib64', '/nix/store'] as const
/** Never made visible as a whole: many installations or users share them. */
const sharedFolders = [
  '/',
  '/opt',
  '/tmp',
  '/var',
  '/var/tmp',
  '/home',
  '/root',
  '/srv',
  '/mnt',
  '/etc',
  '/run',
  '/proc',
  '/dev',
] as const
const maxInterpreters = 4
const maxSymlinks = 40
const maxShebangBytes = 256

/** Throws BottleError `not_found` when the command is not a file that can be read. */
export function installPathsOf(command: string, options: InstallPathsOptions): InstallPaths {
  const readOnly = new Set<string>()
  const symlinks = new Map<string, string>()
  const binFolders = new Set<string>()
  let file: string | undefined = command
  for (let depth = 0; file !== undefined && depth < maxInterpreters; depth++) {
    const resolved = resolveLinks(file)
    for (const [link, target] of resolved.links) symlinks.set(link, target)
    if (!isVisible(file)) binFolders.add(path.dirname(file))
    const interpreter = interpreterOf(resolved.file, file, options.nodePath)
    if (!isVisible(resolved.file)) {
      for (const shown of installationOf(resolved.file, { ...options, isInterpreter: depth > 0 })) readOnly.add(shown)
    }
    if (path.basename(resolved.file) === 'node') addNpm(resolved.file, readOnly, symlinks)
    file = interpreter
  }
  const paths = [...readOnly].filter((one) => ![...readOnly].some((other) => other !== one && isWithin(one, other)))
  return {
    readOnly: paths,
    symlinks: [...symlinks].filter(([link]) => !isVisible(link) && !paths.some((folder) => isWithin(link, folder))),
    binFolders: [...binFolders],
  }
}

function isVisible(file: string): boolean {
  return visibleFolders.some((folder) => isWithin(file, folder))
}

/** What has to be shown for one real file: its installation, or the file alone where that would show too much. */
function installationOf(
  file: string,
  { nodePath, hidden, isInterpreter }: InstallPathsOptions & { readonly isInterpreter: boolean },
): readonly string[] {
  const isHarmless = (folder: string): boolean =>
    !sharedFolders.some((shared) => shared === folder) && !hidden.some((one) => isWithin(one, folder))
  // Of Node's own prefix only what belongs to it: with `npm config set prefix ~/.local` it holds the user's files too.
  if (path.basename(file) === 'node' || file === nodePath) return [file]
  const modules = outermostNodeModules(file)
  if (modules !== undefined && isHarmless(modules)) return [modules]
  const folder = path.dirname(file)
  const prefix = path.dirname(folder)
  const keepsLibraries = path.basename(folder) === 'bin' && path.basename(prefix) !== '.local'
  if (keepsLibraries && existsSync(path.join(prefix, 'lib')) && isHarmless(prefix)) return [prefix]
  return [isHarmless(folder) && !isInterpreter ? folder : file]
}

function outermostNodeModules(file: string): string | undefined {
  const parts = file.split(path.sep)
  const index = parts.indexOf('node_modules')
  return index === -1 ? undefined : parts.slice(0, index + 1).join(path.sep)
}

/** npm and npx belong to Node for the projects that an agent works on. */
function addNpm(file: string, readOnly: Set<string>, symlinks: Map<string, string>): void {
  const modules = path.join(path.dirname(path.dirname(file)), 'lib/node_modules/npm')
  if (isVisible(file) || !existsSync(modules)) return
  readOnly.add(modules)
  for (const name of ['npm', 'npx']) {
    const link = path.join(path.dirname(file), name)
    if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink()) symlinks.set(link, readlinkSync(link))
  }
}

/** The absolute path of a script's interpreter, or `undefined` for a binary and for one that is found on PATH in `/usr`. */
function interpreterOf(realFile: string, calledAs: string, nodePath: string): string | undefined {
  const [first, second] = shebangOf(realFile)
  if (first === undefined || !path.isAbsolute(first)) return undefined
  const isEnv = path.basename(first) === 'env'
  const name = isEnv ? second : path.basename(first)
  if (name === undefined || name.includes(path.sep)) return undefined
  const named = isEnv ? path.join(path.dirname(calledAs), name) : first
  if (isProgram(named)) return named
  return name === 'node' ? nodePath : undefined
}

/** The words behind `#!`, without options such as `-S`; none for a file that may be run but not read. */
function shebangOf(file: string): readonly string[] {
  const text = firstBytesOf(file)
  if (!text.startsWith('#!')) return []
  const words = text.slice(2).split('\n', 1).join('').trim().split(/\s+/)
  return words.filter((word) => !word.startsWith('-'))
}

function firstBytesOf(file: string): string {
  let descriptor: number | undefined
  try {
    descriptor = openSync(file, 'r')
    const buffer = Buffer.alloc(maxShebangBytes)
    return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, maxShebangBytes, 0))
  } catch {
    return ''
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

interface Resolved {
  readonly file: string
  readonly links: readonly (readonly [string, string])[]
}

/** Like realpath, but remembers every symlink on the way, each under a real parent. */
function resolveLinks(file: string): Resolved {
  const links: [string, string][] = []
  let rest = file.split(path.sep).filter((part) => part !== '')
  let real = '/'
  while (rest.length > 0) {
    const [part = '', ...others] = rest
    const next = path.join(real, part)
    const found = lstatSync(next, { throwIfNoEntry: false })
    if (found === undefined || links.length > maxSymlinks) {
      throw new BottleError('not_found', `the program ${file} does not exist`, { hint: 'Check its name and PATH.' })
    }
    if (!found.isSymbolicLink()) {
      real = next
      rest = others
      continue
    }
    const target = readlinkSync(next)
    links.push([next, target])
    rest = [
      ...path
        .resolve(real, target)
        .split(path.sep)
        .filter((one) => one !== ''),
      ...others,
    ]
    real = '/'
  }
  return { file: real, links }
}

function isProgram(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found?.isFile() === true && (found.mode & 0o111) !== 0
}
