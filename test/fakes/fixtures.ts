/** Every fixture of every wire format; a format joins by being in the list. */
import { readdirSync, readFileSync } from 'node:fs'
import type { BodyKind, WireFormatName } from '../../src/core/metering/format.ts'
import { wireFormats } from '../../src/core/metering/formats/formats.ts'

export interface Fixture {
  readonly format: WireFormatName
  readonly file: string
  readonly kind: Extract<BodyKind, 'sse' | 'json'>
  readonly bytes: Buffer
}

export const formatNames = Object.keys(wireFormats) as WireFormatName[]

export const fixtures: readonly Fixture[] = formatNames.flatMap((format) => {
  const folder = new URL(`../../src/core/metering/formats/fixtures/${format}/`, import.meta.url)
  return readdirSync(folder).map((file) => ({
    format,
    file,
    kind: file.endsWith('.sse') ? ('sse' as const) : ('json' as const),
    bytes: readFileSync(new URL(file, folder)),
  }))
})
