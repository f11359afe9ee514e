/** Writes exported charges line by line: memory does not grow with their number, and a slow reader slows the reading down. */
import { open, rm } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LedgerExportLine } from '../controller/api.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import { inertJson } from './inert.ts'
import { type Progress, withProgress } from './progress.ts'
import { groupedNumber } from './table.ts'
import { csvLine } from './usage/csv.ts'

export type ExportFormat = 'jsonl' | 'csv'

/** Lines are written together, since each write costs more than a line. */
const chunkCharacters = 64 * 1024

export function writeExport(lines: Iterable<LedgerExportLine>, format: ExportFormat): Promise<void> {
  return withProgress('exporting', (progress) =>
    pipeline(streamOf(lines, { format, progress }), process.stdout, { end: false }),
  )
}

export interface ExportFileOptions {
  readonly format: ExportFormat
  /** A new one. */
  readonly file: string
  readonly signal: AbortSignal
}

/** What fails or is aborted leaves no file behind. */
export async function writeExportFile(
  lines: Iterable<LedgerExportLine>,
  { format, file, signal }: ExportFileOptions,
): Promise<void> {
  const output = await open(file, 'wx', 0o600).catch((error: unknown) => {
    throw cannotBeWritten(file, error)
  })
  try {
    await withProgress('exporting', (progress) =>
      pipeline(streamOf(lines, { format, progress }), output.createWriteStream(), { signal }),
    )
  } catch (error) {
    await rm(file, { force: true })
    throw error instanceof BottleError || signal.aborted ? error : cannotBeWritten(file, error)
  }
}

function cannotBeWritten(file: string, cause: unknown): BottleError {
  return new BottleError('usage', `${file} cannot be written: ${messageOf(cause)}`, {
    hint: 'Give the name of a new file in a directory that you can write to; nothing is overwritten.',
    cause,
  })
}

interface StreamOptions {
  readonly format: ExportFormat
  readonly progress: Progress
}

function streamOf(lines: Iterable<LedgerExportLine>, options: StreamOptions): Readable {
  return Readable.from(chunksOf(lines, options), { highWaterMark: 1 })
}

function* chunksOf(lines: Iterable<LedgerExportLine>, { format, progress }: StreamOptions): Generator<string> {
  let count = 0
  let chunk = format === 'csv' ? `${csvNames.join(',')}\n` : ''
  for (const line of lines) {
    chunk += `${format === 'csv' ? csvLine(csvNames, line) : inertJson(line, 0)}\n`
    count++
    if (chunk.length < chunkCharacters) continue
    progress.say(`exporting: ${groupedNumber(count)} lines`)
    yield chunk
    chunk = ''
  }
  if (chunk !== '') yield chunk
}

const csvNames = [
  ...(['kind', 'hourMs', 'startedAtMs', 'settledAtMs', 'correctedAtMs', 'attemptId', 'bottleId', 'agent'] as const),
  ...(['provider', 'model', 'source', 'ending', 'exchanges', 'inputTokens', 'cacheWrite5mTokens'] as const),
  ...(['cacheWrite1hTokens', 'cacheReadTokens', 'outputTokens', 'reasoningTokens', 'chargeTokens'] as const),
] as const
