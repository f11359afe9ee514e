import { byteSizeInWords } from '../core/limits/byte-size.ts'
import type { EndedProcesses } from '../sandbox/memory/look.ts'

const MiB = 2 ** 20

/** What the user is told of a bottle that exceeded its memory: one sentence, however many processes were ended. */
export function endedInWords({ ended, limitBytes }: EndedProcesses): string {
  const [largest, ...others] = ended
  const name = `the process ${largest?.name} (${Math.ceil((largest?.bytes ?? 0) / MiB)}MiB)`
  const who = others.length === 0 ? `${name} was` : `${name} and ${others.length} more were`
  return `${who} ended, since all together had more than ${byteSizeInWords(limitBytes)}`
}
