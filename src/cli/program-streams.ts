/**
 * The standard streams of a program in a bottle.
 *
 * Safety: who holds a file's descriptor can open that file anew through /proc/self/fd, with rights that the descriptor never
 * gave: write what was given to read, cut short a log that was opened to append, and reach the whole host from a directory.
 * So files are read and written here and the program gets a pipe; a directory is refused. Terminals and pipes pass as they are.
 */
import type { ChildProcess } from 'node:child_process'
import { createReadStream, createWriteStream, fstatSync, type Stats } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { BottleError } from '../core/errors.ts'

export type PassedStream = 'inherit' | 'pipe'

/** For `spawn`. Throws BottleError `usage` for a directory. */
export function passedStreams(statOf: (descriptor: number) => Stats = fstatSync): PassedStream[] {
  return ['input', 'output', 'error output'].map((name, descriptor) => {
    const stat = statOf(descriptor)
    if (stat.isDirectory()) throw new BottleError('usage', `the standard ${name} is a directory`)
    return stat.isFile() || stat.isBlockDevice() ? 'pipe' : 'inherit'
  })
}

/** Resolves when all that the program wrote is in its files, or cannot be: then its pipe is closed. */
export async function carryStreams({ stdin, stdout, stderr }: ChildProcess): Promise<void> {
  // A program need not read what it is given.
  if (stdin) pipeline(createReadStream('', { fd: 0, autoClose: false }), stdin).catch(() => undefined)
  await Promise.allSettled([
    stdout && pipeline(stdout, createWriteStream('', { fd: 1, autoClose: false })),
    stderr && pipeline(stderr, createWriteStream('', { fd: 2, autoClose: false })),
  ])
}
