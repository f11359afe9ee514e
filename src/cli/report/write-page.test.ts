import { chmod, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writePage } from './write-page.ts'

const mark = '<!-- ours -->'
let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-page-'))
})
afterEach(() => rm(directory, { recursive: true }))

const write = (name: string, page = `${mark}new`) => writePage(join(directory, name), { page, mark })
const read = (name: string) => readFile(join(directory, name), 'utf8')

test('writes a new file, and leaves nothing else beside it', async () => {
  await write('a.html')
  expect([await read('a.html'), await readdir(directory)]).toEqual([`${mark}new`, ['a.html']])
})

test.each([
  ['an earlier page', `${mark}a longer page than the new one`],
  ['an empty file', ''],
])('replaces %s, and keeps its mode', async (_, before) => {
  await writeFile(join(directory, 'a.html'), before)
  await chmod(join(directory, 'a.html'), 0o640)
  await write('a.html')
  expect(await read('a.html')).toBe(`${mark}new`)
  expect((await stat(join(directory, 'a.html'))).mode & 0o777).toBe(0o640)
})

test('replaces the page that a link leads to; the link stays', async () => {
  await write('a.html', mark)
  await symlink('a.html', join(directory, 'latest.html'))
  await write('latest.html')
  expect([await read('a.html'), await readlink(join(directory, 'latest.html'))]).toEqual([`${mark}new`, 'a.html'])
})

test('what is no page of ours is refused, and stays as it is', async () => {
  await writeFile(join(directory, 'thesis.html'), '<!doctype html> years of work')
  await expect(write('thesis.html')).rejects.toMatchObject({
    code: 'usage',
    message: `${join(directory, 'thesis.html')} is there, and is no report`,
    hint: 'Only reports are replaced: give another name, or - for stdout.',
  })
  expect([await read('thesis.html'), await readdir(directory)]).toEqual([
    '<!doctype html> years of work',
    ['thesis.html'],
  ])
})

test.each([
  ['/dev/null', 'is no regular file'],
  ['', 'EISDIR|is no regular file'],
  ['none/a.html', 'cannot be written: ENOENT'],
])('%j is refused: %s', async (name, why) => {
  const path = name.startsWith('/') ? name : join(directory, name)
  await expect(writePage(path, { page: mark, mark })).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(new RegExp(why)),
  })
})
