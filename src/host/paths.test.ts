import { chmod, chown, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { homePath, prepareHome } from './paths.ts'

let parent = ''
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'bot-bottle-paths-'))
})
afterEach(() => rm(parent, { recursive: true }))

const modeOf = async (path: string) => (await stat(path)).mode & 0o777

test('the home is ~/.bot-bottle unless BOT_BOTTLE_HOME says otherwise', () => {
  expect(homePath({})).toBe(join(homedir(), '.bot-bottle'))
  expect(homePath({ BOT_BOTTLE_HOME: '' })).toBe(join(homedir(), '.bot-bottle'))
  expect(homePath({ BOT_BOTTLE_HOME: '/srv/bottles/' })).toBe('/srv/bottles')
})

test('a missing home is created for the user alone', async () => {
  const paths = await prepareHome(join(parent, 'deep', 'home'))
  for (const path of [paths.home, paths.runPath, paths.instancesPath]) expect(await modeOf(path)).toBe(0o700)
})

test('a home that others can read is left as it is, its run directory is private', async () => {
  await chmod(parent, 0o755)
  const paths = await prepareHome(parent)
  expect(await modeOf(parent)).toBe(0o755)
  expect(await modeOf(paths.runPath)).toBe(0o700)
})

test.each([0o777, 0o1777, 0o770, 0o720])('a home that others can write to (mode %o) is refused', async (mode) => {
  await chmod(parent, mode)
  await expect(prepareHome(parent)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('can be written by others'),
    hint: expect.stringContaining('chmod go-w'),
  })
})

test('a home that is a file is refused', async () => {
  const path = join(parent, 'file')
  await writeFile(path, '')
  await expect(prepareHome(path)).rejects.toMatchObject({ code: 'usage' })
})

test('a home of another user is refused', async () => {
  const isRoot = process.getuid?.() === 0
  if (isRoot) await chown(parent, nobody, nobody)
  const owner = isRoot ? nobody : 0
  await expect(prepareHome(isRoot ? parent : '/')).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining(`belongs to user ${owner}, not to you`),
  })
})

const nobody = 65_534
