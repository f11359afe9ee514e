/** Finds programs of the host by name. The folders to look in are given, so a test can hide one. */
import { accessSync, constants, statSync } from 'node:fs'
import path from 'node:path'

/** Where Debian keeps `ip` and friends; an ordinary user's PATH leaves these out. */
const systemFolders = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/bin', '/bin']

export function searchPathOf(environment: Readonly<Record<string, string | undefined>>): readonly string[] {
  const folders = (environment.PATH ?? '').split(':').filter((folder) => path.isAbsolute(folder))
  return [...new Set([...folders, ...systemFolders])]
}

/** The absolute path of the first executable file of that name, or `undefined`. */
export function findTool(name: string, searchPath: readonly string[]): string | undefined {
  return searchPath.map((folder) => path.join(folder, name)).find(isExecutableFile)
}

function isExecutableFile(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return statSync(file).isFile()
  } catch {
    return false
  }
}
