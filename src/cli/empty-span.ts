import { BottleError } from '../core/errors.ts'

/** Of `--since` and `--until`, as milliseconds. Throws BottleError `usage` where nothing lies between. */
export function refuseEmptySpan({
  since,
  until,
}: {
  readonly since?: number | undefined
  readonly until?: number | undefined
}): void {
  if (since === undefined || until === undefined || since < until) return
  throw new BottleError('usage', 'the time of --until is not after that of --since, so nothing lies between', {
    hint: 'Give --since the earlier time.',
  })
}
