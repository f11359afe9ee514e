import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { removeTree } from './remove-entry.ts'

test('several may remove the same tree at once (E10)', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'bot-bottle-remove-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const tree = join(directory, 'tree')
  for (let folder = 0; folder < 12; folder++) {
    const path = join(tree, `${folder}`, 'deep', 'deeper')
    mkdirSync(path, { recursive: true })
    for (let file = 0; file < 100; file++) writeFileSync(join(path, `${file}`), '')
  }
  await Promise.all([removeTree(tree), removeTree(tree), removeTree(tree)])
  expect(existsSync(tree)).toBe(false)
})
