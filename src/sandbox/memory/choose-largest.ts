/** Whom a bottle loses when its memory is used up: the largest processes, until the rest fits. */
export interface ProcessMemory {
  readonly pid: number
  readonly bytes: number
}

export function chooseLargest(processes: readonly ProcessMemory[], limitBytes: number): readonly ProcessMemory[] {
  let restBytes = processes.reduce((sum, { bytes }) => sum + bytes, 0)
  const largestFirst = processes.toSorted((one, other) => other.bytes - one.bytes)
  return largestFirst.filter(({ bytes }) => {
    if (restBytes <= limitBytes) return false
    restBytes -= bytes
    return true
  })
}
