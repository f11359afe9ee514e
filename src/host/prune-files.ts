import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** Removes the files of a directory that were changed longest ago, until so many are left. */
export async function pruneFiles(directory: string, maxFiles: number): Promise<void> {
  const names = await readdir(directory)
  if (names.length <= maxFiles) return
  const paths = names.map((name) => join(directory, name))
  const files = await Promise.all(paths.map(async (path) => ({ path, changedAtMs: (await stat(path)).mtimeMs })))
  const oldest = files.toSorted((one, other) => one.changedAtMs - other.changedAtMs).slice(0, files.length - maxFiles)
  for (const { path } of oldest) await rm(path, { force: true })
}
