import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { AuthScheme } from '../../core/routing/route.ts'
import { createCredential } from './credential.ts'
import { runSecretCommand } from './secret-command.ts'

let directory = ''
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-secrets-'))
})
afterEach(() => rm(directory, { recursive: true }))

const bearer: AuthScheme = { kind: 'bearer' }
let nowMs = 0

function credential(sources: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const env = { PATH: process.env.PATH ?? '', ...environment }
  return createCredential({
    subject: 'the route to a.test',
    scheme: bearer,
    sources,
    environment: env,
    nowMs: () => nowMs,
  })
}

async function secretFile(content: string, mode = 0o600): Promise<string> {
  const path = join(directory, 'token')
  await writeFile(path, content)
  await chmod(path, mode)
  return path
}

describe('a credential', () => {
  test('is the first source that has a value', async () => {
    expect(await credential(['env:A', 'env:B'], { A: 'one', B: 'two' }).read()).toBe('one')
    expect(await credential(['env:A', 'env:B'], { B: ' two\n' }).read()).toBe('two')
    expect(await credential(['env:A', 'env:B'], { A: '', B: 'two' }).read()).toBe('two')
  })

  test('comes from a file, without the newline at its end, also through a link', async () => {
    const path = await secretFile('from-file\r\n')
    await symlink(path, join(directory, 'link'))
    expect(await credential([`file:${path}`]).read()).toBe('from-file')
    expect(await credential([`file:${join(directory, 'link')}`]).read()).toBe('from-file')
  })

  test('is what a command prints, run by a shell with the environment of the user', async () => {
    expect(await credential(['command:printf "%s-%s\\n" "$WHO" key | tr a-z A-Z'], { WHO: 'me' }).read()).toBe('ME-KEY')
  })

  test('of a file is read again after a while, and an error once the file is gone (C06)', async () => {
    const path = await secretFile('old')
    const ofFile = credential([`file:${path}`])
    expect(await ofFile.read()).toBe('old')
    await writeFile(path, 'new')
    expect(ofFile.read()).toBe('old')
    nowMs += 5_000
    expect(await ofFile.read()).toBe('new')
    await rm(path)
    nowMs += 5_000
    await expect(ofFile.read()).rejects.toMatchObject({ code: 'credential_missing' })
  })

  test('of a command is kept for a while, and asked for once by many at the same time', async () => {
    const log = join(directory, 'log')
    const ofCommand = credential([`command:echo run >> ${log}; echo key`])
    expect(await Promise.all([ofCommand.read(), ofCommand.read(), ofCommand.read()])).toEqual(['key', 'key', 'key'])
    expect(ofCommand.read()).toBe('key')
    nowMs += 300_000
    expect(await ofCommand.read()).toBe('key')
    expect(await readFile(log, 'utf8')).toBe('run\nrun\n')
  })

  test('that failed once is looked for again', async () => {
    const path = join(directory, 'token')
    const ofFile = credential([`file:${path}`])
    await expect(ofFile.read()).rejects.toThrow(/there is no file/)
    await secretFile('late')
    expect(await ofFile.read()).toBe('late')
  })
})

describe('no credential (C06)', () => {
  test.each([
    [['env:A'], 'the credential of the route to a.test is missing: A is not set'],
    [['env:A', 'env:B'], 'the credential of the route to a.test is missing: A is not set; B is not set'],
    [['env:EMPTY'], 'the credential of the route to a.test is missing: EMPTY is empty'],
    [['env:ODD'], 'the credential of the route to a.test is missing: ODD has a character that no HTTP header may have'],
    [['command:exit 3'], 'the credential of the route to a.test is missing: the command ended with exit code 3'],
    [['command:kill -9 $$'], 'the credential of the route to a.test is missing: the command ended with SIGKILL'],
    [['command:true'], 'the credential of the route to a.test is missing: what the command printed is empty'],
    [['command:yes'], 'the credential of the route to a.test is missing: the command printed more than 65536 bytes'],
  ])('where %j: %s', async (sources, message) => {
    const environment = { EMPTY: ' ', ODD: 'two words' }
    await expect(credential(sources, environment).read()).rejects.toMatchObject({ code: 'credential_missing', message })
  })

  test('says what a failed command wrote to stderr in the hint alone, and never the command', async () => {
    const failing = credential(['command:echo "vault is locked (s.topsecret)" >&2; false # s.topsecret'])
    await expect(failing.read()).rejects.toMatchObject({
      message: expect.not.stringContaining('topsecret'),
      hint: expect.stringContaining('The command printed: vault is locked'),
    })
  })

  test.each([
    ['open to its group', () => secretFile('x', 0o640), /is open to others \(mode 0640\); close it with: chmod 600 /],
    ['open to all', () => secretFile('x', 0o604), /is open to others \(mode 0604\)/],
    ['empty', () => secretFile('\n'), /token is empty$/],
    ['too large', () => secretFile('x'.repeat(70_000)), /is larger than 65536 bytes/],
    ['missing', async () => join(directory, 'none'), /there is no file .*none$/],
  ])('in a file that is %s', async (_, make, message) => {
    await expect(credential([`file:${await make()}`]).read()).rejects.toThrow(message)
  })

  test('in a directory or a pipe without a writer, which is not waited for', async () => {
    await mkdir(join(directory, 'token'))
    await expect(credential([`file:${join(directory, 'token')}`]).read()).rejects.toThrow(/is no regular file/)
    await runSecretCommand(`mkfifo -m 600 ${join(directory, 'pipe')}`, { env: process.env })
    await expect(credential([`file:${join(directory, 'pipe')}`]).read()).rejects.toThrow(/is no regular file/)
  })
})

describe('a command', () => {
  test('that does not end in time is ended with all that it started (C06)', async () => {
    // The output is closed, and the promise settled, when the last of them is gone.
    await expect(runSecretCommand('sleep 100 & wait', { env: process.env, timeoutMs: 200 })).rejects.toThrow(
      'the command did not end within 0.2 s',
    )
  })

  test('that leaves something running in the background is not waited for', async () => {
    expect(await runSecretCommand('sleep 100 & echo key', { env: process.env })).toBe('key')
  })
})
