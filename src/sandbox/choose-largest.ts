/** Whom a bottle loses when it has used too much of something: the largest processes, until the rest fits. */
export interface ProcessShare {
  readonly pid: number
  readonly bytes: number
}

export function chooseLargest(processes: readonly ProcessShare[], limitBytes: number): readonly ProcessShare[] {
  let restBytes = processes.reduce((sum, { bytes }) => sum + bytes, 0)
  const largestFirst = processes.toSorted((one, other) => other.bytes - one.bytes)
  return largestFirst.filter(({ bytes }) => {
    if (restBytes <= limitBytes) return false
    restBytes -= bytes
    return true
  })
}
