import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { problemInWords } from './definition.ts'
import { pricesNotation } from './prices.ts'
import { readDocument } from './read-document.ts'

const read = (yaml: string) => readDocument(yaml, 'prices.yml', pricesNotation)

test('prices are read in millionths of the currency, exactly', () => {
  const yaml = `currency: USD
models:
  claude/claude-opus-4*: {input: 5, output: 25, cache_read: 0.5, cache_write: 6.25, cache_write_1h: 10}
  codex/gpt-5.2-codex: {input: 0.000001, output: 1.1}
  own/*: {input: 0, output: 1000000}
`
  expect(read(yaml)).toEqual({
    kind: 'read',
    value: {
      currency: 'USD',
      models: new Map([
        [
          'claude/claude-opus-4*',
          { input: 5e6, output: 25e6, cacheRead: 5e5, cacheWrite: 6_250_000, cacheWrite1h: 1e7 },
        ],
        ['codex/gpt-5.2-codex', { input: 1, output: 1_100_000 }],
        ['own/*', { input: 0, output: 1e12 }],
      ]),
    },
  })
})

test.each([
  ['', '"currency" and "models" are missing'],
  ['currency: usd\nmodels: {}', '1:11: currency: "usd" is no currency: write three capitals, e.g. USD'],
  ['currency: EUR\nmodels: {claude: {input: 1, output: 1}}', 'models: expected PROVIDER/MODEL such as'],
  ['currency: EUR\nmodels: {"claude/*-4": {input: 1, output: 1}}', '(* only at the end), found "claude/*-4"'],
  ['currency: EUR\nmodels: {claude/: {input: 1, output: 1}}', 'expected PROVIDER/MODEL'],
  ['currency: EUR\nmodels: {claude/a: {input: 1}}', 'models.claude/a: "output" is missing'],
  ['currency: EUR\nmodels: {claude/a: {input: -1, output: 1}}', 'found "-1"; a plain decimal number is expected'],
  ['currency: EUR\nmodels: {claude/a: {input: 1e3, output: 1}}', 'found "1e3"; a plain decimal number is expected'],
  ['currency: EUR\nmodels: {claude/a: {input: 0.0000001, output: 1}}', 'it has more than 6 decimals'],
  ['currency: EUR\nmodels: {claude/a: {input: 1000001, output: 1}}', 'it is larger than 1000000'],
  ['currency: EUR\nmodels: {claude/a: {input: "1", output: 1}}', 'write 1 without quotes'],
  ['currency: EUR\nmodels: {claude/a: {inptu: 1, output: 1}}', 'unknown key "inptu"; did you mean "input"?'],
])('the prices %j are refused with file, line, column and what would work', (yaml, message) => {
  const result = read(yaml)
  const problems = result.kind === 'invalid' ? result.problems.map(problemInWords).join('\n') : 'nothing'
  expect(problems).toMatch(/^prices\.yml:\d+:\d+: /)
  expect(problems).toContain(message)
})

test('any price that may be written is read as it was printed', () => {
  const millionths = fc.nat({ max: 10 ** 12 })
  const prices = fc.record({ input: millionths, output: millionths, cacheRead: millionths })
  fc.assert(
    fc.property(prices, (price) => {
      const value = { currency: 'USD', models: new Map([['claude/a*', price]]) }
      const printed = pricesNotation.print(value)
      // Numbers below a millionth of a unit are what YAML would write with an exponent.
      const plain = stringify(printed).replaceAll(/\d+(?:\.\d+)?e-\d+/g, (text) => Number(text).toFixed(6))
      expect(read(plain)).toEqual({ kind: 'read', value })
    }),
  )
})
