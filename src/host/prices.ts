/** Reads a price table. */
import { BottleError, messageOf } from '../core/errors.ts'
import { problemInWords } from '../core/manifest/definition.ts'
import { pricesNotation } from '../core/manifest/prices.ts'
import { readDocument } from '../core/manifest/read-document.ts'
import type { PriceTable } from '../core/pricing/price-table.ts'
import { isMissing, readTextFile } from './text-file.ts'

const maxPricesBytes = 256 * 1024

/** `undefined` when there is no such file. Throws BottleError `settings_invalid` with every problem of it. */
export async function readPrices(path: string): Promise<PriceTable | undefined> {
  let text: string
  try {
    text = await readTextFile(path, { maxBytes: maxPricesBytes })
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new BottleError('settings_invalid', `${path}: ${messageOf(error)}`, { cause: error })
  }
  const read = readDocument(text, path, pricesNotation)
  if (read.kind === 'read') return read.value
  throw new BottleError('settings_invalid', read.problems.map(problemInWords).join('\n'), {
    hint: 'docs/usage.md shows a price table.',
  })
}
