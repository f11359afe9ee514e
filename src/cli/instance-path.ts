import { join } from 'node:path'
import { BottleError } from '../core/errors.ts'
import { hostPaths } from '../host/paths.ts'

/** The directory of a bottle. Throws BottleError `usage` for what cannot be an id. */
export function instancePath(home: string, id: string): string {
  if (/^[a-z0-9_-]+$/.test(id)) return join(hostPaths(home).instancesPath, id)
  throw new BottleError('usage', `"${id}" is not the id of a bottle`, { hint: 'List them with: bot-bottle ps --all' })
}
