/** A whole copy of a folder, by reflink where the file system can. */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { promisify } from 'node:util'
import { BottleError, messageOf } from '../../core/errors.ts'

const run = promisify(execFile)
const maxComplaintBytes = 1024 * 1024

/**
 * What the user cannot read is left out, as an overlay would keep it from being read. Throws BottleError `sandbox_failed` for
 * any other failure.
 */
export async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to)
  const options = { maxBuffer: maxComplaintBytes, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }
  await run('cp', ['-a', '--reflink=auto', '--', `${from}/.`, to], options).catch((cause: unknown) => {
    const complaints = complaintsOf(cause)
    if (complaints.length > 0 && complaints.every((line) => isUnreadable(line))) return
    throw new BottleError('sandbox_failed', `${from} could not be copied: ${complaints[0] ?? messageOf(cause)}`, {
      hint: 'Look at the permissions and the free space, or use `--workspace direct`.',
      cause,
    })
  })
}

function complaintsOf(cause: unknown): readonly string[] {
  if (!(cause instanceof Error && 'stderr' in cause && 'code' in cause && cause.code === 1)) return []
  return String(cause.stderr).trim().split('\n')
}

function isUnreadable(complaint: string): boolean {
  return /^cp: cannot (?:open .* for reading|access .*): Permission denied$/.test(complaint)
}
