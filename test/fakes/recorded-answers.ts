/**
 * Answers of providers as they were recorded: a folder for each wire format, in it `*.sse` (a stream as it came), `*.chunks.txt`
 * (its events, one JSON document a line) and `*.json` (an answer in one document).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fixture, fixtures, formatNames } from './fixtures.ts'

export interface RecordedAnswer extends Fixture {
  readonly status: number
}

/** Without a folder our own fixtures. */
export function recordedAnswers(folder: string | undefined): readonly RecordedAnswer[] {
  const recorded = folder === undefined ? fixtures : fixturesIn(folder)
  return recorded.map((answer) => ({
    ...answer,
    file: `${answer.format}/${answer.file}`,
    status: isError(answer) ? 429 : 200,
  }))
}

function fixturesIn(folder: string): readonly Fixture[] {
  return formatNames
    .filter((format) => existsSync(join(folder, format)))
    .flatMap((format) =>
      readdirSync(join(folder, format)).map((file): Fixture => {
        const bytes = readFileSync(join(folder, format, file))
        if (!file.endsWith('.chunks.txt')) return { format, file, kind: file.endsWith('.sse') ? 'sse' : 'json', bytes }
        return { format, file, kind: 'sse', bytes: streamOf(format, bytes.toString()) }
      }),
    )
}

function streamOf(format: Fixture['format'], lines: string): Buffer {
  const isNamed = format === 'anthropic-messages' || format === 'openai-responses'
  const events = lines
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `${isNamed ? `event: ${JSON.parse(line).type}\n` : ''}data: ${line}\n\n`)
  return Buffer.from([...events, ...(format === 'openai-chat' ? ['data: [DONE]\n\n'] : [])].join(''))
}

/** A document that says nothing but what went wrong comes with an error status. */
function isError({ kind, bytes }: Fixture): boolean {
  if (kind !== 'json') return false
  const document: unknown = JSON.parse(bytes.toString())
  return typeof document === 'object' && document !== null && 'error' in document && !('usage' in document)
}
