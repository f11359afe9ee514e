/** An answer of each wire format, as events and as a document, and parts of it; a format joins by its fixtures. */
import type { MeterReading } from '../../src/core/metering/format.ts'
import { wireFormats } from '../../src/core/metering/formats/formats.ts'
import { type Fixture, fixtures, formatNames } from './fixtures.ts'

export interface AnswerSample extends Pick<Fixture, 'format' | 'kind'> {
  /** Ends with its final counts. */
  readonly whole: Buffer
  /** About a half, without the final counts. */
  readonly part: Buffer
  /** Ends in an error after a status of 200; absent where the format has no such. */
  readonly failed: Buffer | undefined
}

export function readBytes({ format, kind }: Pick<Fixture, 'format' | 'kind'>, bytes: Buffer): MeterReading {
  const meter = wireFormats[format].createMeter(kind)
  meter.feed(bytes)
  meter.end()
  return meter.reading()
}

export const answerSamples: readonly AnswerSample[] = formatNames.flatMap((format) =>
  (['sse', 'json'] as const).flatMap((kind) =>
    sampleOf(fixtures.filter((one) => one.format === format && one.kind === kind)),
  ),
)

function sampleOf(candidates: readonly Fixture[]): readonly AnswerSample[] {
  const said = (one: Fixture) => readBytes(one, one.bytes).observedOutputTokens
  const [whole] = candidates
    .filter((one) => readBytes(one, one.bytes).isFinal && readBytes(one, one.bytes).phase === 'complete')
    .toSorted((left, right) => said(right) - said(left))
  if (!whole) return []
  const part = whole.bytes.subarray(0, whole.bytes.length * 0.6)
  if (readBytes(whole, part).isFinal) throw new Error(`a part of ${whole.format}/${whole.file} has final counts`)
  const failed = candidates.find((one) => readBytes(one, one.bytes).phase === 'failed')
  return [{ format: whole.format, kind: whole.kind, whole: whole.bytes, part, failed: failed?.bytes }]
}
