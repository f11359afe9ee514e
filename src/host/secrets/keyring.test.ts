import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { readKeyring } from './keyring.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-keyring-'))
})
afterEach(() => rm(directory, { recursive: true }))

/** What libsecret's program does: 1 for an entry that is not there. */
async function installed(script: string): Promise<{ readonly PATH: string }> {
  await writeFile(join(directory, 'secret-tool'), `#!/bin/sh\n${script}\n`)
  await chmod(join(directory, 'secret-tool'), 0o700)
  return { PATH: `${directory}:/usr/bin:/bin` }
}

const github = { kind: 'keyring', service: 'github.com', account: 'ada' } as const

test('the keyring is asked by service and account', async () => {
  const env = await installed('printf "%s " "$@"')
  expect(await readKeyring(github, env)).toBe('lookup service github.com account ada ')
  expect(await readKeyring({ kind: 'keyring', service: 'npm' }, env)).toBe('lookup service npm ')
})

test('a missing entry, and a missing program, say what to do (C06)', async () => {
  await expect(readKeyring(github, await installed('exit 1'))).rejects.toThrow(
    'the keyring has no entry with service github.com account ada; store it with: secret-tool store',
  )
  await expect(readKeyring(github, { PATH: join(directory, 'none') })).rejects.toThrow('secret-tool is not installed')
})
