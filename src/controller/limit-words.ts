/** What the user is told of a bottle that exceeded a limit: one sentence, however many processes were ended. */
import { byteSizeInWords } from '../core/limits/byte-size.ts'
import type { EndedProcesses } from '../sandbox/bottle-processes.ts'
import type { EndedWriters } from '../sandbox/disk/look.ts'

const MiB = 2 ** 20

export function memoryInWords({ ended, limitBytes }: EndedProcesses): string {
  return `${whoInWords(ended)} ended, since all together had more than ${byteSizeInWords(limitBytes)}`
}

export function diskInWords({ ended, limitBytes, usedBytes }: EndedWriters): string {
  const who = whoInWords(ended).replace('MiB)', 'MiB written)')
  return `${who} ended, since its files have ${byteSizeInWords(usedBytes)}, and may have ${byteSizeInWords(limitBytes)}`
}

function whoInWords([largest, ...others]: EndedProcesses['ended']): string {
  const name = `the process ${largest?.name} (${Math.ceil((largest?.bytes ?? 0) / MiB)}MiB)`
  return others.length === 0 ? `${name} was` : `${name} and ${others.length} more were`
}
