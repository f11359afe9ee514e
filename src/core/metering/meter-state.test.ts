import { expect, test } from 'vitest'
import { maxCapturedBytes } from './json-captures.ts'
import { maxConstantBytes, maxShapeBytes, maxShapeValues } from './json-event-shape.ts'
import { maxKeyBytes } from './json-key.ts'
import { maxWatchedBytes } from './json-watch.ts'
import { maxEventNameBytes } from './sse-tail.ts'
import { maxAnomalies, maxModelCharacters, maxShownCharacters } from './tally.ts'
import { maxHeldBytes } from './usage-chunk-filter.ts'

test('what the meter of one stream may hold is at most 64 KiB by its limits', () => {
  const shapeBytes = maxShapeBytes + maxShapeValues * maxConstantBytes
  const scannerBytes = maxCapturedBytes + shapeBytes + maxKeyBytes + maxWatchedBytes
  // Two bytes a character; the name of the field is about as long as what is shown of it.
  const tallyBytes = 2 * (maxModelCharacters + 2 * maxAnomalies * maxShownCharacters)
  expect(scannerBytes + maxEventNameBytes + maxHeldBytes + tallyBytes).toBeLessThanOrEqual(64 * 1024)
})
