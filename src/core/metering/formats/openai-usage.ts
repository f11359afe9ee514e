/**
 * OpenAI's `usage` object, in the words of the Responses API or in those of chat completions. Cached tokens stand inside
 * the input, reasoning inside the output; neither is added again. Where the parts and `total_tokens` disagree the larger
 * is charged, and the disagreement is noted.
 */
import { asRecord, countOf, noteAnomaly, reject, type Tally, type UsageCounts } from '../tally.ts'

interface UsageWords {
  readonly input: string
  readonly output: string
}

export const responsesWords: UsageWords = { input: 'input_tokens', output: 'output_tokens' }
export const completionsWords: UsageWords = { input: 'prompt_tokens', output: 'completion_tokens' }

export interface ReportContext {
  readonly words: UsageWords
  /** Splits a total that comes without its parts. */
  readonly observedOutputTokens: number
}

/** Writes a report into the tally. Returns whether it was enough to charge, and nothing in it was rejected. */
export function applyUsage(tally: Tally, value: unknown, { words, observedOutputTokens }: ReportContext): boolean {
  const record = asRecord(value)
  if (record === undefined) {
    reject(tally, 'usage', value)
    return false
  }
  const rejectedBefore = tally.rejectedCount
  const count = (field: string) => countOf(tally, `usage.${field}`, record[field])
  const outputDetails = `${words.output}_details`
  const reasoning = readDetail(tally, outputDetails, 'reasoning_tokens', record)
  const parts = reconcile(tally, {
    input: count(words.input),
    output: count(words.output),
    total: count('total_tokens'),
    reasoning,
    observedOutputTokens,
  })
  if (parts.input !== undefined) Object.assign(tally.usage, splitInput(tally, parts.input, words, record))
  if (parts.output !== undefined) tally.usage.outputTokens = parts.output
  if (parts.output !== undefined && reasoning !== undefined) {
    if (reasoning > parts.output)
      noteAnomaly(tally, `usage.${outputDetails}.reasoning_tokens: ${reasoning} of ${parts.output}`)
    tally.usage.reasoningTokens = Math.min(reasoning, parts.output)
  }
  return parts.input !== undefined && parts.output !== undefined && tally.rejectedCount === rejectedBefore
}

/** Adds a report of tokens that stand outside of the one before, as those of generated images do. */
export function addUsage(tally: Tally, value: unknown, context: ReportContext): boolean {
  const { usage } = tally
  tally.usage = {}
  const isEnough = applyUsage(tally, value, context)
  tally.usage = sumOf(usage, tally.usage)
  return isEnough
}

function sumOf(left: UsageCounts, right: UsageCounts): UsageCounts {
  const sum: UsageCounts = { ...left }
  for (const field of Object.keys(right) as (keyof UsageCounts)[]) sum[field] = (left[field] ?? 0) + (right[field] ?? 0)
  return sum
}

interface Totals {
  readonly input: number | undefined
  readonly output: number | undefined
  readonly total: number | undefined
  readonly reasoning: number | undefined
  readonly observedOutputTokens: number
}

/** Fills a missing part from the total; a total beyond the parts is charged as output. */
function reconcile(
  tally: Tally,
  { input, output, total, reasoning = 0, observedOutputTokens }: Totals,
): Pick<Totals, 'input' | 'output'> {
  if (total === undefined) return { input, output }
  if (input !== undefined && output !== undefined) {
    // Some compatible servers report reasoning beside the output; the total tells.
    const isBeside = total === input + output + reasoning
    if (total !== input + output && !isBeside)
      noteAnomaly(tally, `usage.total_tokens: ${total} is not ${input} + ${output}`)
    return { input, output: Math.max(output, total - input) }
  }
  noteAnomaly(tally, `usage.total_tokens: ${total} without its parts`)
  if (input !== undefined) return { input, output: Math.max(0, total - input) }
  const likelyOutput = output ?? Math.min(total, observedOutputTokens)
  return { input: Math.max(0, total - likelyOutput), output: likelyOutput }
}

/** Cache reads and writes stand inside the input. */
function splitInput(
  tally: Tally,
  input: number,
  words: UsageWords,
  record: Readonly<Record<string, unknown>>,
): UsageCounts {
  const name = `${words.input}_details`
  const cached = readDetail(tally, name, 'cached_tokens', record)
  const written = readDetail(tally, name, 'cache_write_tokens', record)
  if ((cached ?? 0) + (written ?? 0) > input)
    noteAnomaly(tally, `usage.${name}: ${(cached ?? 0) + (written ?? 0)} of ${input}`)
  const cacheReadTokens = Math.min(cached ?? 0, input)
  const writeTokens = Math.min(written ?? 0, input - cacheReadTokens)
  return {
    inputTokens: input - cacheReadTokens - writeTokens,
    ...(cached === undefined ? {} : { cacheReadTokens }),
    ...(written === undefined ? {} : { cacheWrite5mTokens: writeTokens }),
  }
}

function readDetail(
  tally: Tally,
  details: string,
  field: string,
  record: Readonly<Record<string, unknown>>,
): number | undefined {
  return countOf(tally, `usage.${details}.${field}`, asRecord(record[details])?.[field])
}
