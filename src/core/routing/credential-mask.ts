/**
 * Takes the real credential out of a body as it passes: each form of it that stands there is overwritten, byte for byte, so that no
 * length changes. Nothing waits but the last bytes of a chunk that could be the beginning of one.
 *
 * **Invariant** No form of the credential passes whole, however the body is split; all else passes as it came.
 */
import type { StreamFilter } from '../metering/usage-chunk-filter.ts'

/** A shorter form would be found everywhere, and is no secret. */
export const minMaskedBytes = 8

/** `undefined` where there is nothing to look for. `traces`: as `credentialTraces` gives them. */
export function createCredentialMask(traces: readonly string[]): StreamFilter | undefined {
  const forms = traces
    .map((trace) => Buffer.from(trace))
    .filter(({ length }) => length >= minMaskedBytes)
    .toSorted((one, other) => other.length - one.length)
  if (forms.length === 0) return undefined
  const fill = fillFor(traces)
  let held: Buffer = nothing

  const pass = (data: Buffer, isEnd: boolean): Buffer => {
    const found = []
    let end = data.length
    for (let at = 0; ; ) {
      const match = firstMatch(forms, data, at)
      const start = isEnd ? -1 : beginningOf(forms, data, at)
      // A form that may begin there, and goes on behind the end, decides first.
      if (start !== -1 && (!match || start <= match.start)) {
        end = start
        break
      }
      if (!match) break
      found.push(match)
      at = match.end
    }
    held = data.subarray(end)
    const passed = end === data.length ? data : data.subarray(0, end)
    if (found.length === 0) return passed
    const masked = Buffer.from(passed)
    for (const match of found) masked.fill(fill, match.start, match.end)
    return masked
  }

  return {
    push: (chunk) => pass(held.length === 0 ? chunk : Buffer.concat([held, chunk]), false),
    end: () => pass(held, true),
  }
}

const nothing = Buffer.alloc(0)

interface Match {
  readonly start: number
  readonly end: number
}

/** The first place of a form, of several there the longest. */
function firstMatch(forms: readonly Buffer[], data: Buffer, from: number): Match | undefined {
  let first: Match | undefined
  for (const form of forms) {
    const start = data.indexOf(form, from)
    if (start !== -1 && (!first || start < first.start)) first = { start, end: start + form.length }
  }
  return first
}

/** Where the end of the data is the beginning of a form, but not yet all of it; -1 where it is not. */
function beginningOf(forms: readonly Buffer[], data: Buffer, from: number): number {
  let earliest = -1
  for (const form of forms) {
    const first = form.readUInt8()
    const tail = Math.max(from, data.length - form.length + 1)
    for (let at = data.indexOf(first, tail); at !== -1; at = data.indexOf(first, at + 1)) {
      if (data.compare(form, 0, data.length - at, at) !== 0) continue
      if (earliest === -1 || at < earliest) earliest = at
      break
    }
  }
  return earliest
}

/** A byte that no form has: what was overwritten can then be no part of another one. */
function fillFor(traces: readonly string[]): string {
  return [...'*#-_.~'].find((character) => traces.every((trace) => !trace.includes(character))) ?? '*'
}
