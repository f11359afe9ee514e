import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findCommand } from './find-command.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bot-bottle-find-'))
  for (const name of ['first', 'second', 'work']) await mkdir(join(root, name))
})
afterEach(() => rm(root, { recursive: true }))

async function place(path: string, mode = 0o755): Promise<string> {
  await writeFile(join(root, path), '#!/bin/sh\n')
  await chmod(join(root, path), mode)
  return join(root, path)
}

const find = (name: string, installHint: string | null = null) =>
  findCommand(name, { path: `${join(root, 'first')}:${join(root, 'second')}:`, cwd: join(root, 'work'), installHint })

test('the first directory of PATH that has the program wins', async () => {
  await place('second/tool')
  const path = await place('first/tool')
  expect(await find('tool')).toBe(path)
})

test('directories and files without execute permission are passed over', async () => {
  await mkdir(join(root, 'first', 'tool'))
  const path = await place('second/tool')
  expect(await find('tool')).toBe(path)
})

test('a link is given as it is: what it is called may decide what it does', async () => {
  await place('second/multi')
  await symlink(join(root, 'second', 'multi'), join(root, 'first', 'tool'))
  expect(await find('tool')).toBe(join(root, 'first', 'tool'))
})

test('an empty entry of PATH is the working directory', async () => {
  const path = await place('work/tool')
  expect(await find('tool')).toBe(path)
})

test('a name with a slash is a path from the working directory', async () => {
  const path = await place('work/tool')
  await place('first/tool')
  expect(await find('./tool')).toBe(path)
  expect(await find(path)).toBe(path)
})

test('what is missing is told with how to install it', async () => {
  await expect(find('claude', 'npm install -g it')).rejects.toMatchObject({
    code: 'not_found',
    message: 'the program "claude" was not found on PATH',
    hint: 'npm install -g it',
  })
  await expect(find('./claude')).rejects.toMatchObject({ message: 'the program "./claude" does not exist' })
  await expect(find('')).rejects.toMatchObject({ code: 'not_found' })
})

test('what cannot be executed is told as such', async () => {
  const path = await place('first/tool', 0o644)
  await expect(find('tool')).rejects.toMatchObject({ code: 'not_found', message: `${path} is not executable` })
})
