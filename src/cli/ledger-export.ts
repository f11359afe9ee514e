/** Writes exported charges line by line: memory does not grow with their number, and a slow reader slows the reading down. */
import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LedgerExportLine } from '../controller/api.ts'
import { BottleError, messageOf } from '../core/errors.ts'
import { inertJson } from './inert.ts'
import { csvLine } from './usage/csv.ts'

export type ExportFormat = 'jsonl' | 'csv'

/** Lines are written together, since each write costs more than a line. */
const chunkCharacters = 64 * 1024

export interface ExportOptions {
  readonly format: ExportFormat
  /** A new file, or stdout. */
  readonly file: string | undefined
}

export async function writeExport(lines: Iterable<LedgerExportLine>, { format, file }: ExportOptions): Promise<void> {
  const texts = Readable.from(chunksOf(lines, format), { highWaterMark: 1 })
  if (file === undefined) return pipeline(texts, process.stdout, { end: false })
  try {
    await pipeline(texts, createWriteStream(file, { flags: 'wx', mode: 0o600 }))
  } catch (error) {
    if (error instanceof BottleError) throw error
    throw new BottleError('usage', `${file} cannot be written: ${messageOf(error)}`, {
      hint: 'Give the name of a new file in a directory that you can write to; nothing is overwritten.',
      cause: error,
    })
  }
}

function* chunksOf(lines: Iterable<LedgerExportLine>, format: ExportFormat): Generator<string> {
  let chunk = format === 'csv' ? `${csvNames.join(',')}\n` : ''
  for (const line of lines) {
    chunk += `${format === 'csv' ? csvLine(csvNames, line) : inertJson(line, 0)}\n`
    if (chunk.length < chunkCharacters) continue
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
