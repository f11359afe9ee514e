/** `prices.yml`: what a million tokens cost, by model. Only `usage --cost` reads it; no budget depends on it. */
import type { ModelPrice, PriceTable } from '../pricing/price-table.ts'
import { quote } from './bounded-yaml.ts'
import { key, mapping, named, requiredKey } from './collection-notations.ts'
import { definitionNamePattern } from './definition-name.ts'
import { converted, type Notation } from './notation.ts'
import { number, text } from './scalar-notations.ts'

/** Prices have so many decimals at most. */
const decimals = 6
const unit = 10 ** decimals
const maxPrice = 1_000_000
const maxModelLength = 200

const price = number({
  expected: 'a price such as 5 or 6.25',
  parse(written) {
    if (!/^(?:0|[1-9]\d*)(?:\.\d+)?$/.test(written)) {
      return { kind: 'fault', why: 'a plain decimal number is expected, e.g. 5 or 6.25' }
    }
    if ((written.split('.')[1] ?? '').length > decimals) {
      return { kind: 'fault', why: `it has more than ${decimals} decimals` }
    }
    const value = Number(written)
    return value > maxPrice ? { kind: 'fault', why: `it is larger than ${maxPrice}` } : { kind: 'number', value }
  },
  schema: { type: 'number', minimum: 0, maximum: maxPrice },
})

/** In millionths, to which a price of at most six decimals is exact. */
const millionths = converted(price, {
  from: (value) => Math.round(value * unit),
  to: (value) => value / unit,
})

const modelPrice: Notation<ModelPrice> = converted(
  mapping({
    input: requiredKey('Uncached input.', millionths),
    output: requiredKey('All output, reasoning included.', millionths),
    cache_read: key('Reads from the cache.', millionths),
    cache_write: key('Writes into the cache.', millionths),
    cache_write_1h: key('Writes that are kept for an hour. Default: cache_write.', millionths),
  }),
  {
    from: ({ input, output, cache_read, cache_write, cache_write_1h }): ModelPrice => ({
      ...{ input, output },
      ...(cache_read !== undefined && { cacheRead: cache_read }),
      ...(cache_write !== undefined && { cacheWrite: cache_write }),
      ...(cache_write_1h !== undefined && { cacheWrite1h: cache_write_1h }),
    }),
    to: ({ input, output, cacheRead, cacheWrite, cacheWrite1h }) => ({
      ...{ input, output },
      ...(cacheRead !== undefined && { cache_read: cacheRead }),
      ...(cacheWrite !== undefined && { cache_write: cacheWrite }),
      ...(cacheWrite1h !== undefined && { cache_write_1h: cacheWrite1h }),
    }),
  },
)

const patternSchema = `${definitionNamePattern.slice(0, -1)}/(?:[^*\\s]{1,${maxModelLength}}\\*?|\\*)$`
const pattern = new RegExp(patternSchema)

const models = named({
  value: () => modelPrice,
  name: (written) =>
    pattern.test(written)
      ? { kind: 'name', name: written }
      : {
          kind: 'fault',
          why: `expected PROVIDER/MODEL such as claude/claude-opus-4* (* only at the end), found ${quote(written)}`,
        },
  schema: { propertyNames: { pattern: patternSchema }, value: modelPrice.schema },
})

export const pricesNotation: Notation<PriceTable> = mapping({
  currency: requiredKey(
    'Of all prices, as ISO 4217 has it, e.g. USD.',
    text({
      expected: 'a currency such as USD',
      fault: (written) => (/^[A-Z]{3}$/.test(written) ? undefined : 'is no currency: write three capitals, e.g. USD'),
      schema: { pattern: '^[A-Z]{3}$' },
    }),
  ),
  models: requiredKey(
    'PROVIDER/MODEL → the prices of a million tokens. * at the end of MODEL stands for any text; the longest that fits counts.',
    models,
  ),
})
