import { InvalidArgumentError } from 'commander'

const maxLimit = 10_000

/** Of a `--limit` option. */
export function readLimit(text: string): number {
  const limit = /^[1-9]\d{0,5}$/.test(text) ? Number(text) : Number.NaN
  if (limit <= maxLimit) return limit
  throw new InvalidArgumentError(`Write a number from 1 to ${maxLimit}.`)
}
