/** Whether a program of the host does what is asked of it. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { messageOf } from '../../core/errors.ts'

const run = promisify(execFile)
export const probeTimeoutMs = 10_000

/** `output`: why not, in the program's own words. */
export async function succeeds(file: string, args: readonly string[]): Promise<{ ok: boolean; output: string }> {
  try {
    await run(file, [...args], { timeout: probeTimeoutMs, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
    return { ok: true, output: '' }
  } catch (failure) {
    const stderr = failure instanceof Error && 'stderr' in failure ? String(failure.stderr).trim() : ''
    return { ok: false, output: stderr.split('\n', 1).join('') || messageOf(failure) }
  }
}

export function isAtLeast(version: string, wanted: string): boolean {
  return /^\d/.test(version) && version.localeCompare(wanted, 'en', { numeric: true }) >= 0
}
