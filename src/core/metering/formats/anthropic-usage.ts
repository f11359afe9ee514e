/**
 * Anthropic's `usage` object. Cache tokens stand outside `input_tokens`. The counts of `message_delta` are cumulative, so
 * the last value of each field counts. Server tool calls (`server_tool_use`) are no tokens and are left out.
 */
import { asRecord, countOf, reject, type Tally, type UsageCounts } from '../tally.ts'
import { inputTokensOf } from '../usage.ts'

/** One report. The 1h part is inside the cache write. */
interface Report {
  input: number | undefined
  cacheWrite: number | undefined
  cacheWrite1h: number | undefined
  cacheRead: number | undefined
  output: number | undefined
  reasoning: number | undefined
}

/** Writes a report into the tally. Returns whether it had an output count and nothing in it was rejected. */
export function applyUsage(tally: Tally, value: unknown): boolean {
  const rejectedBefore = tally.rejectedCount
  const report = readReport(tally, value)
  if (report === undefined) return false
  tally.usage = merge(tally.usage, report)
  return report.output !== undefined && tally.rejectedCount === rejectedBefore
}

/** No request has an empty prompt: a first report that says so is a gateway's placeholder, not a count. */
export function isPlaceholder(value: unknown): boolean {
  const record = asRecord(value) ?? {}
  return ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens'].every((field) => !record[field])
}

function readReport(tally: Tally, value: unknown): Report | undefined {
  const record = asRecord(value)
  if (record === undefined) {
    reject(tally, 'usage', value)
    return undefined
  }
  const whole = readCounts(tally, 'usage', record)
  const { iterations } = record
  if (!Array.isArray(iterations) || iterations.length === 0) return whole
  // The top level leaves out what compaction, an advisor or a model that declined before a fallback used; the bill is the
  // sum of all iterations. It is never less than the top level says.
  const sum = iterations
    .map((iteration) => readCounts(tally, 'usage.iterations', asRecord(iteration) ?? {}))
    .reduce(add)
  return totalOf(sum) >= totalOf(whole) ? { ...sum, reasoning: sum.reasoning ?? whole.reasoning } : whole
}

function readCounts(tally: Tally, name: string, record: Readonly<Record<string, unknown>>): Report {
  const count = (field: string, from = record) => countOf(tally, `${name}.${field}`, from[field])
  const split = asRecord(record.cache_creation) ?? {}
  const cacheWrite5m = count('ephemeral_5m_input_tokens', split)
  const cacheWrite1h = count('ephemeral_1h_input_tokens', split)
  const cacheWrite = count('cache_creation_input_tokens')
  const hasWrite = cacheWrite !== undefined || cacheWrite5m !== undefined || cacheWrite1h !== undefined
  return {
    input: count('input_tokens'),
    cacheWrite: hasWrite ? Math.max(cacheWrite ?? 0, (cacheWrite5m ?? 0) + (cacheWrite1h ?? 0)) : undefined,
    cacheWrite1h,
    cacheRead: count('cache_read_input_tokens'),
    output: count('output_tokens'),
    reasoning: count('thinking_tokens', asRecord(record.output_tokens_details) ?? {}),
  }
}

function add(left: Report, right: Report): Report {
  return {
    input: sumOf(left.input, right.input),
    cacheWrite: sumOf(left.cacheWrite, right.cacheWrite),
    cacheWrite1h: sumOf(left.cacheWrite1h, right.cacheWrite1h),
    cacheRead: sumOf(left.cacheRead, right.cacheRead),
    output: sumOf(left.output, right.output),
    reasoning: sumOf(left.reasoning, right.reasoning),
  }
}

function sumOf(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined && right === undefined ? undefined : (left ?? 0) + (right ?? 0)
}

function totalOf({ input, cacheWrite, cacheRead, output }: Report): number {
  return (input ?? 0) + (cacheWrite ?? 0) + (cacheRead ?? 0) + (output ?? 0)
}

function merge(usage: UsageCounts, report: Report): UsageCounts {
  const { input, cacheRead, output, reasoning } = report
  const merged: UsageCounts = restatesPrompt(usage, report) ? {} : { ...usage }
  if (usage.outputTokens !== undefined) merged.outputTokens = usage.outputTokens
  if (usage.reasoningTokens !== undefined) merged.reasoningTokens = usage.reasoningTokens
  if (input !== undefined) merged.inputTokens = input
  if (cacheRead !== undefined) merged.cacheReadTokens = cacheRead
  if (output !== undefined) merged.outputTokens = output
  if (reasoning !== undefined) merged.reasoningTokens = reasoning
  return { ...merged, ...mergeCacheWrite(usage, report) }
}

/**
 * A later report that names the input alone, and at least as much of it as all classes had before, counts the whole
 * prompt again as uncached (gateways do); to add it to the cached parts would count them twice.
 */
function restatesPrompt(usage: UsageCounts, { input, cacheWrite, cacheRead }: Report): boolean {
  if (input === undefined || cacheWrite !== undefined || cacheRead !== undefined) return false
  return usage.inputTokens !== undefined && input !== usage.inputTokens && input >= inputTokensOf(usage)
}

/** A report without the split keeps the 1h part that an earlier one named, as far as it fits. */
function mergeCacheWrite(usage: UsageCounts, { cacheWrite, cacheWrite1h }: Report): UsageCounts {
  if (cacheWrite === undefined) return {}
  const known1h = cacheWrite1h ?? usage.cacheWrite1hTokens
  if (known1h === undefined) return { cacheWrite5mTokens: cacheWrite }
  const oneHour = Math.min(known1h, cacheWrite)
  return { cacheWrite5mTokens: cacheWrite - oneHour, cacheWrite1hTokens: oneHour }
}
