/** What a bottle may use of its host, besides tokens. `null`: as much as there is. */
export interface Limits {
  readonly memoryBytes: number | null
  /** Threads count as well. */
  readonly processes: number | null
  /** Of its home and the layers over its workspace. */
  readonly diskBytes: number | null
  /** Where processors are short: 100 as a program of the host, 50 half as much. */
  readonly cpuWeight: number
}

const GiB = 2 ** 30

export function defaultLimits({ hostMemoryBytes }: { readonly hostMemoryBytes: number }): Limits {
  return { memoryBytes: Math.floor(hostMemoryBytes / 2), processes: 4096, diskBytes: 20 * GiB, cpuWeight: 50 }
}
