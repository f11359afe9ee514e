/** Finds a program as execvp(3) would, so that the bottle starts what the user's shell would start. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { delimiter, resolve } from 'node:path'
import { BottleError } from '../core/errors.ts'

export interface FindOptions {
  readonly path: string | undefined
  readonly cwd: string
  /** What to do when there is no such program. */
  readonly installHint: string | null
}

/** What the C library searches when PATH is not set. */
const defaultPath = '/bin:/usr/bin'

/** The absolute path. Throws BottleError `not_found`, also for what is there but cannot be executed. */
export async function findCommand(name: string, { path, cwd, installHint }: FindOptions): Promise<string> {
  const isPath = name.includes('/')
  const directories = isPath ? [''] : (path ?? defaultPath).split(delimiter)
  let blocked: string | undefined
  for (const directory of name === '' ? [] : directories) {
    // An empty entry of PATH is the working directory.
    const candidate = resolve(cwd, directory, name)
    const found = await inspect(candidate)
    if (found === 'program') return candidate
    if (found === 'not executable') blocked ??= candidate
  }
  if (blocked !== undefined) {
    throw new BottleError('not_found', `${blocked} is not executable`, { hint: `Make it so with: chmod +x ${blocked}` })
  }
  const where = isPath ? 'does not exist' : 'was not found on PATH'
  throw new BottleError('not_found', `the program "${name}" ${where}`, {
    hint: installHint ?? 'Give the path of the program, or install it.',
  })
}

async function inspect(path: string): Promise<'program' | 'not executable' | 'nothing'> {
  try {
    if (!(await stat(path)).isFile()) return 'nothing'
    await access(path, constants.X_OK)
    return 'program'
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'not executable' : 'nothing'
  }
}
