/**
 * The one change that is made to a body: a stream of completions is asked for its usage, also where the client did not ask or
 * said no. A few bytes are put in; everything else is sent on as it came. `usage-chunk-filter.ts` takes the answer to it out
 * again.
 */

import { bodyPart } from './body-part.ts'
import type { BodyEdit } from './format.ts'
import { compileJsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { isBlank } from './json-syntax.ts'
import { asRecord } from './tally.ts'

const key = 'stream_options'
const paths = compileJsonPaths({ capture: [key] })

/**
 * `body`: a JSON object that asks for a stream. `undefined`: the client asks for the usage itself, or with what its provider
 * will refuse. Of several `stream_options` the last one counts, as in JSON.parse.
 */
export function includeUsageEdit(body: readonly Uint8Array[]): BodyEdit | 'unreadable' | undefined {
  const scanner = new JsonScanner(paths, { isStrict: true })
  for (const chunk of body) scanner.feed(chunk)
  if (scanner.state !== 'closed' || scanner.isUnreadable(key)) return 'unreadable'
  const span = scanner.spanOf(key)
  if (!span) {
    const start = openingOf(body) + 1
    return { start, end: start, text: `"${key}":{"include_usage":true},` }
  }
  const options = scanner.value(key) ?? {}
  const record = asRecord(options)
  if (!record || record.include_usage === true) return undefined
  return { ...span, text: JSON.stringify({ ...record, include_usage: true }) }
}

/** The body with a part replaced; what is not replaced is not copied. */
export function applyEdit(body: readonly Buffer[], { start, end, text }: BodyEdit): readonly Buffer[] {
  return [...bodyPart(body, 0, start), Buffer.from(text), ...bodyPart(body, end)]
}

function openingOf(body: readonly Uint8Array[]): number {
  let offset = 0
  for (const chunk of body) {
    const at = chunk.findIndex((byte) => !isBlank(byte))
    if (at !== -1) return offset + at
    offset += chunk.length
  }
  return offset
}
