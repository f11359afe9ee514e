/** How often something may happen: a burst at once, and so many a second in the long run. */
export interface AllowanceOptions {
  readonly burst: number
  readonly perSecond: number
}

/** Takes one of the allowance; false once there is none. */
export type Allowance = (nowMs: number) => boolean

export function createAllowance({ burst, perSecond }: AllowanceOptions): Allowance {
  let left = burst
  let lastMs: number | undefined
  return (nowMs) => {
    left = Math.min(burst, left + ((nowMs - (lastMs ?? nowMs)) / 1000) * perSecond)
    lastMs = nowMs
    if (left < 1) return false
    left -= 1
    return true
  }
}
