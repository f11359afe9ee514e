/** `docs/threat-model.md`: every case that it names as proof is in the title of a test, and every file that it names exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const page = readFileSync(join(root, 'docs/threat-model.md'), 'utf8')
const tests = ['src', 'test']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) => join(folder, path)),
  )
  .filter((path) => /\.(?:test|contract)\.ts$/.test(path))
  .map((path) => readFileSync(join(root, path), 'utf8'))
  .join('\n')

/** The cases in the last column of each row. */
const proofsIn = (text: string) =>
  [...text.matchAll(/^\| .+ \| ((?:[SHCMLE]\d\d ?)+) \|$/gm)].map(([, ids = '']) => ids.trim().split(' '))

describe('docs/threat-model.md', () => {
  test('has a proof for each promise', () => {
    const table = page.slice(page.indexOf('## What we promise'), page.indexOf('## What we do not promise'))
    const rows = table.split('\n').filter((line) => line.startsWith('| ')).length - 1
    expect(proofsIn(table).length).toBe(rows)
    expect(rows).toBeGreaterThan(15)
  })

  test.each([...new Set(proofsIn(page).flat())])('%s is in the title of a test', (id) => {
    expect(tests).toMatch(new RegExp(`\\([^()\\n]*\\b${id}\\b[^()\\n]*\\)`))
  })

  test.each([...page.matchAll(/`(src\/[\w/.-]+)`/g)].map(([, path = '']) => path))('%s is there', (path) => {
    expect(existsSync(join(root, path))).toBe(true)
  })
})
