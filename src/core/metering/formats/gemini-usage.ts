/**
 * Google's `usageMetadata`. Cached content stands inside the prompt; thoughts stand outside the candidates, and what tools
 * add to the prompt outside of it. A count of zero may be left out, as protocol buffers do. Where the total says more than
 * the parts it is charged, and the disagreement is noted.
 */
import { asRecord, countOf, noteAnomaly, reject, type Tally } from '../tally.ts'

const fields = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'cachedContentTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'totalTokenCount',
] as const

type Counts = { [Field in (typeof fields)[number]]?: number }

/** Gives what writes a report into the tally, field by field the last; returns whether it is enough to charge. */
export function createUsageReader(tally: Tally): (value: unknown) => boolean {
  const counts: Counts = {}
  return (value) => {
    const record = asRecord(value)
    if (record === undefined) {
      reject(tally, 'usageMetadata', value)
      return false
    }
    const rejectedBefore = tally.rejectedCount
    for (const field of fields) {
      const count = countOf(tally, `usageMetadata.${field}`, record[field])
      if (count !== undefined) counts[field] = count
    }
    write(tally, counts)
    return tally.usage.inputTokens !== undefined && tally.rejectedCount === rejectedBefore
  }
}

function write(tally: Tally, counts: Counts): void {
  if (Object.keys(counts).length === 0) return
  const { cachedContentTokenCount: cached, thoughtsTokenCount: thoughts } = counts
  const sumOutput = (counts.candidatesTokenCount ?? 0) + (thoughts ?? 0)
  const total = counts.totalTokenCount
  const input = inputOf(counts, sumOutput)
  if (input !== undefined) {
    const cacheReadTokens = Math.min(cached ?? 0, input)
    if (cached !== undefined && cached > input)
      noteAnomaly(tally, `usageMetadata.cachedContentTokenCount: ${cached} of ${input}`)
    tally.usage.inputTokens = input - cacheReadTokens
    if (cached !== undefined) tally.usage.cacheReadTokens = cacheReadTokens
    if (total !== undefined && total !== input + sumOutput)
      noteAnomaly(tally, `usageMetadata.totalTokenCount: ${total} is not ${input} + ${sumOutput}`)
  }
  tally.usage.outputTokens = Math.max(sumOutput, (total ?? 0) - (input ?? 0))
  if (thoughts !== undefined) tally.usage.reasoningTokens = thoughts
}

function inputOf(
  { promptTokenCount, toolUsePromptTokenCount, totalTokenCount }: Counts,
  output: number,
): number | undefined {
  if (promptTokenCount !== undefined) return promptTokenCount + (toolUsePromptTokenCount ?? 0)
  return totalTokenCount === undefined ? undefined : Math.max(0, totalTokenCount - output)
}
