/** Host paths that someone asked to see inside a bottle. What would show a home or the bottle's own directory is refused. */
import { realpath } from 'node:fs/promises'
import path from 'node:path'
import { BottleError, messageOf } from '../core/errors.ts'
import { isWithin } from './path-within.ts'
import type { PrivatePaths } from './workspace.ts'

export async function checkReadOnlyPaths(
  paths: readonly string[],
  { homes, bottleDirectory }: PrivatePaths,
): Promise<readonly string[]> {
  for (const wanted of paths) {
    if (!path.isAbsolute(wanted)) throw refusal(wanted, 'is not an absolute path')
    const real = await realpath(wanted).catch((cause: unknown) => {
      throw refusal(wanted, `cannot be opened: ${messageOf(cause)}`)
    })
    if (homes.some((home) => isWithin(home, real))) throw refusal(wanted, 'is or contains your home directory')
    if (isWithin(real, bottleDirectory) || isWithin(bottleDirectory, real)) {
      throw refusal(wanted, "overlaps the bottle's own directory")
    }
  }
  return paths.map((wanted) => path.normalize(wanted))
}

function refusal(file: string, reason: string): BottleError {
  return new BottleError('usage', `the read-only path ${file} ${reason}`, {
    hint: 'Name the one directory that the program needs.',
  })
}
