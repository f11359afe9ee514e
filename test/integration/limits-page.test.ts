/** `docs/limits.md` names every limit of the proxy, with the value that it has. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { proxyLimits } from '../../src/proxy/limits.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs/limits.md'), 'utf8')
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts'))
  .map((path) => readFileSync(join(root, 'src', path), 'utf8'))
  .join('\n')

const rows = [...page.matchAll(/^\| (.+) \| (.+) \| (.+) \| ((?:`\w+`(?:, )?)+) \|$/gm)].map(
  ([, limit = '', value = '', , names = '']) => ({ limit, value, names: names.replaceAll('`', '').split(', ') }),
)

/** As the page writes it. */
function inWords(name: string, value: number): string {
  if (name.endsWith('Bytes')) {
    if (value % 1e6 === 0) return `${value / 1e6} MB`
    if (value % 2 ** 20 === 0) return `${value / 2 ** 20} MiB`
    return `${value / 1024} KiB`
  }
  if (!name.endsWith('Ms')) return value.toLocaleString('en')
  if (value % 3_600_000 === 0) return `${value / 3_600_000} h`
  if (value % 60_000 === 0 && value > 60_000) return `${value / 60_000} min`
  return value % 1_000 === 0 ? `${value / 1_000} s` : `${value} ms`
}

describe('docs/limits.md', () => {
  // Two buffers of it, on the page together.
  const { maxUndecodedBytes: _, ...limits } = proxyLimits

  test.each(Object.entries(limits))('has %s and its value, %s', (name, value) => {
    const values = rows.filter(({ names }) => names.includes(name)).map((row) => row.value)
    expect(values.some((written) => written.includes(inWords(name, value)))).toBe(true)
  })

  test.each(rows)('has a name for "$limit" that the sources have', ({ names }) => {
    for (const name of names) expect(sources).toMatch(new RegExp(`\\b${name}\\b`))
  })

  test('is read by this test', () => expect(rows.length).toBeGreaterThan(50))
})
