/** How this host lays out its system folders, as arguments for bwrap, and what its kernel shows in /proc. */
import { existsSync, lstatSync, readlinkSync } from 'node:fs'
import { emptyProcFiles } from './bwrap-arguments.ts'
import { readOnly, symlink } from './mount-arguments.ts'

/** Symlinks into /usr on merged systems, real folders on older ones. */
const usrFolders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'] as const

export function systemRootArguments(): readonly string[] {
  return [
    ...readOnly('/usr'),
    ...usrFolders.flatMap((folder) => {
      const found = lstatSync(folder, { throwIfNoEntry: false })
      if (found === undefined) return []
      return found.isSymbolicLink() ? symlink(readlinkSync(folder), folder) : readOnly(folder)
    }),
    ...(existsSync('/nix/store') ? readOnly('/nix/store') : []),
  ]
}

export function presentProcFiles(): readonly string[] {
  return emptyProcFiles.filter((file) => existsSync(file))
}
