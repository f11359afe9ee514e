/**
 * OpenAI's `usage` object of the Responses API. Cached tokens stand inside `input_tokens`, reasoning inside
 * `output_tokens`; neither is added again. Where the parts and `total_tokens` disagree the larger is charged, and the
 * disagreement is noted.
 */
import { asRecord, countOf, noteAnomaly, reject, type Tally, type UsageCounts } from '../tally.ts'

/** Writes a report into the tally. Returns whether it was enough to charge, and nothing in it was rejected. */
export function applyUsage(tally: Tally, value: unknown, observedOutputTokens: number): boolean {
  const record = asRecord(value)
  if (record === undefined) {
    reject(tally, 'usage', value)
    return false
  }
  const rejectedBefore = tally.rejectedCount
  const count = (field: string) => countOf(tally, `usage.${field}`, record[field])
  const total = count('total_tokens')
  const parts = reconcile(tally, {
    input: count('input_tokens'),
    output: count('output_tokens'),
    total,
    observedOutputTokens,
  })
  if (parts.input !== undefined) Object.assign(tally.usage, readInput(tally, parts.input, record.input_tokens_details))
  if (parts.output !== undefined)
    Object.assign(tally.usage, readOutput(tally, parts.output, record.output_tokens_details))
  return parts.input !== undefined && parts.output !== undefined && tally.rejectedCount === rejectedBefore
}

interface Totals {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly total: number | undefined
  readonly observedOutputTokens: number
}

/** Fills a missing part from the total; a total beyond the parts is charged as output. */
function reconcile(
  tally: Tally,
  { input, output, total, observedOutputTokens }: Totals,
): Pick<Totals, 'input' | 'output'> {
  if (total === undefined) return { input, output }
  if (input !== undefined && output !== undefined) {
    if (total !== input + output) noteAnomaly(tally, `usage.total_tokens: ${total} is not ${input} + ${output}`)
    return { input, output: Math.max(output, total - input) }
  }
  noteAnomaly(tally, `usage.total_tokens: ${total} without its parts`)
  if (input !== undefined) return { input, output: Math.max(0, total - input) }
  const likelyOutput = output ?? Math.min(total, observedOutputTokens)
  return { input: Math.max(0, total - likelyOutput), output: likelyOutput }
}

function readInput(tally: Tally, input: number, details: unknown): UsageCounts {
  const name = 'usage.input_tokens_details.cached_tokens'
  const cached = countOf(tally, name, asRecord(details)?.cached_tokens)
  if (cached === undefined) return { inputTokens: input }
  if (cached > input) noteAnomaly(tally, `${name}: ${cached} of ${input}`)
  const cacheReadTokens = Math.min(cached, input)
  return { inputTokens: input - cacheReadTokens, cacheReadTokens }
}

function readOutput(tally: Tally, output: number, details: unknown): UsageCounts {
  const name = 'usage.output_tokens_details.reasoning_tokens'
  const reasoning = countOf(tally, name, asRecord(details)?.reasoning_tokens)
  if (reasoning === undefined) return { outputTokens: output }
  if (reasoning > output) noteAnomaly(tally, `${name}: ${reasoning} of ${output}`)
  return { outputTokens: output, reasoningTokens: Math.min(reasoning, output) }
}
