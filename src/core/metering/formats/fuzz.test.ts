/**
 * Random sequences of events, whole, broken and hostile, in random splits through the meters of every format: none throws,
 * hangs or keeps more than its bound, and what is read does not depend on the split. `BOT_BOTTLE_FUZZ_RUNS` and
 * `BOT_BOTTLE_FUZZ_SEED` say how many and which.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { BodyKind, MeterReading, WireFormat } from '../format.ts'
import { isTokenCount } from '../usage.ts'
import { wireFormats } from './formats.ts'

const runs = Number(process.env.BOT_BOTTLE_FUZZ_RUNS ?? 6_000)
const seed = Number(process.env.BOT_BOTTLE_FUZZ_SEED ?? 20_260_101)
const maxStateBytes = 64 * 1024
const maxEvents = 10
const maxAnomalies = 8
/** Generous: a run takes some 100 µs. */
const runTimeoutMs = 20 * runs + 10_000

const hostileNumbers = ['-1', '1.5', '1e400', '9007199254740993', '"7"', 'null', '{}', '[]', 'NaN', '007', '0', '12']
const hostileTexts = [
  '{',
  '}',
  '[',
  ']',
  '"',
  '\\',
  '\\u00',
  '\\ud83d',
  ':',
  ',',
  '\u0000',
  '\ufeff',
  'data:',
  '\r',
  '\n\n',
]
const lineEndings = ['\n', '\r', '\r\n']

test(`${runs} random sequences of events leave every meter standing (seed ${seed})`, { timeout: runTimeoutMs }, () => {
  const random = createRandom(seed)
  const formats = Object.values(wireFormats).map((format) => ({ format, events: eventsOf(format) }))
  let countedRuns = 0
  for (let run = 0; run < runs; run++) {
    const { format, events } = random.pick(formats)
    const kind = random.pick<BodyKind>(['sse', 'sse', 'json', 'messages'])
    const texts = Array.from({ length: random.below(maxEvents) }, () => spoiled(random, random.pick(events)))
    const bodies = bodiesOf(kind, texts, random)
    const where = `run ${run}: ${format.name}, ${kind}`
    const reading = read(format, kind, bodies, where)
    expectSane(reading, where)
    if (Object.keys(reading.usage).length > 0) countedRuns += 1
    if (kind === 'messages') continue
    expect(read(format, kind, split(Buffer.concat(bodies), random), where), where).toEqual(reading)
  }
  // Most sequences still say something.
  expect(countedRuns).toBeGreaterThan(runs / 4)
})

/** Whole documents and the events of streams, as they stand in the fixtures. */
function eventsOf({ name }: WireFormat): readonly string[] {
  const folder = new URL(`./fixtures/${name}/`, import.meta.url)
  return readdirSync(folder).flatMap((file) => {
    const text = readFileSync(new URL(file, folder), 'utf8')
    if (!file.endsWith('.sse')) return [JSON.stringify(JSON.parse(text))]
    return [...text.matchAll(/^data: (.*)$/gm)].map(([, data = '']) => data)
  })
}

/** The event with up to three places of it changed, in two of three cases. */
function spoiled(random: Random, event: string): string {
  let text = event
  for (let count = random.below(4) - random.below(3); count > 0; count--) {
    const at = random.below(text.length + 1)
    switch (random.below(4)) {
      case 0:
        text = text.slice(0, at)
        break
      case 1:
        text = text.slice(0, at) + random.pick(hostileTexts) + text.slice(at)
        break
      case 2:
        text = text.replace(/(?<=":)\d+/g, (count) => (random.below(3) === 0 ? random.pick(hostileNumbers) : count))
        break
      default:
        text = text.slice(0, at) + text.slice(at + random.below(20))
    }
  }
  return text
}

function bodiesOf(kind: BodyKind, texts: readonly string[], random: Random): readonly Buffer[] {
  if (kind === 'messages') return texts.map((text) => Buffer.from(text))
  if (kind === 'json') {
    const text = random.below(2) === 0 ? (texts[0] ?? '') : `[${texts.join(random.pick([',', ',\r\n', '', ' , ']))}]`
    return [Buffer.from(text)]
  }
  const ending = random.pick(lineEndings)
  const names = ['', '', 'event: error', 'event: message_stop', 'event', ': comment', `event: ${'n'.repeat(500)}`]
  const lines = texts.flatMap((text) => [random.pick(names), `data: ${text}`, ...(random.below(9) === 0 ? [] : [''])])
  return [Buffer.from(lines.map((line) => line + ending).join(''))]
}

function split(body: Buffer, random: Random): readonly Buffer[] {
  const chunks: Buffer[] = []
  const maxChunkBytes = random.pick([1, 3, 17, 200, 5_000])
  for (let at = 0; at < body.length; ) {
    const size = 1 + random.below(maxChunkBytes)
    chunks.push(body.subarray(at, at + size))
    at += size
  }
  return chunks
}

function read(format: WireFormat, kind: BodyKind, chunks: readonly Buffer[], where: string): MeterReading {
  const meter = format.createMeter(kind)
  for (const chunk of chunks) {
    meter.feed(chunk)
    if (meter.heldBytes > maxStateBytes) throw new Error(`${where}: ${meter.heldBytes} bytes are kept`)
  }
  meter.end()
  meter.end()
  return meter.reading()
}

function expectSane({ usage, model = '', observedOutputTokens, anomalies }: MeterReading, where: string): void {
  const counts = [...Object.values(usage), observedOutputTokens]
  const isSane = counts.every(isTokenCount) && anomalies.length <= maxAnomalies && model.length <= 200
  if (!isSane) throw new Error(`${where}: ${JSON.stringify({ usage, observedOutputTokens, anomalies })}`)
}

interface Random {
  /** A whole number from 0 to below the ceiling. */
  below(ceiling: number): number
  pick<Item>(items: readonly Item[]): Item
}

/** Mulberry32: small, quick, and the same everywhere. */
function createRandom(firstState: number): Random {
  let state = firstState >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (ceiling: number): number => Math.floor(next() * ceiling)
  return {
    below,
    pick(items) {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('there is nothing to pick from')
      return item
    },
  }
}
