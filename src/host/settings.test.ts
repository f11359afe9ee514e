import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultSettings } from '../core/manifest/settings.ts'
import { readSettings } from './settings.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bot-bottle-settings-'))
})
afterEach(() => rm(home, { recursive: true }))

const read = () => readSettings({ home, providers: ['claude', 'codex'] })

test('a missing file means the defaults', async () => {
  expect(await read()).toEqual(defaultSettings)
})

test('the certificate is read relative to the settings file', async () => {
  const pem = rootCertificates[0] ?? ''
  await writeFile(join(home, 'ca.pem'), pem)
  await writeFile(join(home, 'settings.yml'), 'upstream_ca: ca.pem\nbudget: {claude: 7}\n')
  const settings = await read()
  expect(settings.upstreamCa).toBe(pem)
  expect(settings.budgets).toMatchObject([{ provider: 'claude', limitTokens: 7 }])
})

test('each problem is one line with file, line and column', async () => {
  await writeFile(join(home, 'settings.yml'), 'budget: {claude: 1e9}\nshutdwn: kill\n')
  const path = join(home, 'settings.yml')
  await expect(read()).rejects.toMatchObject({
    code: 'settings_invalid',
    message: [
      `${path}:1:18: budget.claude: found "1e9"; only plain digits are read; write 1000000000`,
      `${path}:2:1: unknown key "shutdwn"; did you mean "shutdown"?`,
    ].join('\n'),
  })
})

test.each([
  ['is missing', undefined, /settings\.yml:1:14: upstream_ca: there is no file .*ca\.pem$/],
  ['holds something else', 'hello', /settings\.yml:1:14: upstream_ca: .*ca\.pem holds no PEM certificate$/],
])('a certificate that %s is an error at its line', async (_, content, expected) => {
  if (content !== undefined) await writeFile(join(home, 'ca.pem'), content)
  await writeFile(join(home, 'settings.yml'), 'upstream_ca: ca.pem\n')
  await expect(read()).rejects.toMatchObject({ code: 'settings_invalid', message: expect.stringMatching(expected) })
})

test.each([
  ['a directory', () => mkdir(join(home, 'settings.yml')), /no regular file/],
  ['too large', () => writeFile(join(home, 'settings.yml'), '#'.repeat(300_000)), /larger than 262144 bytes/],
  ['not UTF-8', () => writeFile(join(home, 'settings.yml'), Buffer.from([0xff, 0xfe])), /not UTF-8/],
])('settings that are %s are refused', async (_, make, expected) => {
  await make()
  await expect(read()).rejects.toMatchObject({ code: 'settings_invalid', message: expect.stringMatching(expected) })
})
