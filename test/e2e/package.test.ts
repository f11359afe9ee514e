/**
 * What `npm pack` makes, installed as on a clean machine: `npm install --global` into a prefix that has Node and nothing else,
 * from a registry of what is installed here. Where the tests may, the checkout itself is hidden from what was installed.
 */
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Script } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packageVersion } from '../../src/host/version.ts'
import { modelCall } from '../fakes/model-call.ts'
import { startPackageRegistry } from '../fakes/package-registry.ts'
import { openProductHost } from '../fakes/product-host.ts'
import { checkout, type TestUser, testUsers } from '../fakes/test-user.ts'

const run = promisify(execFile)
const maxPackedBytes = 1_500_000

interface Packed {
  readonly filename: string
  readonly size: number
  readonly files: readonly { readonly path: string }[]
}

let directory = ''
let prefix = ''
let packed: Packed

beforeAll(async () => {
  directory = await realpath(await mkdtemp(join(tmpdir(), 'bot-bottle-package-')))
  await chmod(directory, 0o755)
  prefix = join(directory, 'prefix')
  await mkdir(join(prefix, 'bin'), { recursive: true })
  await copyFile(process.execPath, join(prefix, 'bin/node'), constants.COPYFILE_FICLONE)
  // Without the user's own settings, or those that the npm of `npm test` hands down.
  const env = { PATH: process.env.PATH, HOME: directory, npm_config_cache: join(directory, 'cache') }
  // The build was made before the tests; `prepack` would make it again under those that run now.
  const pack = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory]
  const { stdout } = await run('npm', pack, { cwd: checkout, env })
  packed = JSON.parse(stdout)[0]
  await using registry = await startPackageRegistry()
  const install = ['install', '--global', '--no-audit', '--no-fund', '--prefix', prefix, '--registry', registry.url]
  await run('npm', [...install, join(directory, packed.filename)], { cwd: directory, env })
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** The installed product as that user, who may look for the checkout in vain. */
function installed({ uid }: TestUser): readonly string[] {
  const product = [join(prefix, 'bin/node'), join(prefix, 'bin/bot-bottle')]
  if (process.getuid?.() !== 0) return product
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const hide = 'mount -t tmpfs none "$0" && exec "$@"'
  return ['unshare', '--mount', '--propagation', 'private', 'bash', '-c', hide, checkout, ...as, ...product]
}

const path = () => [join(prefix, 'bin'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'].join(':')

test('the package holds the program and its documents, and neither tests nor maps', () => {
  const files = packed.files.map((file) => file.path)
  expect(files).toEqual(expect.arrayContaining(['dist/main.js', 'README.md', 'LICENSE', 'docs/json.md']))
  expect(files.filter((file) => /\.(?:test|contract|fixture|map)\b|^(?:src|test|bench|scripts)\//.test(file))).toEqual(
    [],
  )
  expect(packed.size).toBeLessThan(maxPackedBytes)
})

test('its first file can be read by a Node that is too old, to say so', async () => {
  const source = await readFile(join(prefix, 'lib/node_modules/bot-bottle/dist/main.js'), 'utf8')
  // As a script there is no `await` at the top, and no `import` but the one that is a call.
  expect(() => new Script(source.replace(/^#!.*/, '').replace('export {};', ''))).not.toThrow()
})

describe.concurrent.each(testUsers)('installed globally, $title', (user) => {
  test('it works without the checkout', async () => {
    await using host = await openProductHost({ user, product: installed(user) })
    const env = { PATH: path() }
    const say = async (...args: readonly string[]) => {
      const { stdout, stderr, exitCode } = await host.run(args, { env })
      expect({ args, stderr, exitCode }).toEqual({ args, stderr: '', exitCode: 0 })
      return stdout
    }
    expect(await say('--version')).toBe(`${packageVersion()}\n`)
    expect(await say('--help')).toContain('bot-bottle COMMAND --help')
    expect(await say('doctor')).not.toContain('NOT OK')
    expect(await say('settings', 'check')).toContain('nothing wrong')
    const call = await say('run', '--bottle', 'claude', '--workspace', 'none', '--', ...modelCall())
    expect(call).toContain('event: message_stop')
    expect(await say('usage', '--by', 'provider')).toMatch(/^claude +1 /m)
    expect(await say('ledger', 'verify')).toContain('sound: every counter is the sum of its events')
    expect((await host.run(['controller', 'stop'], { env })).stderr).toContain('the controller is stopped')
  })
})

test.concurrent('its demo plays, and leaves nothing behind', async () => {
  const user = testUsers.at(-1) ?? { title: '' }
  await using host = await openProductHost({ user, product: installed(user) })
  const env = { PATH: path(), TMPDIR: host.userHome }
  const { exitCode, stdout, stderr } = await host.run(['demo'], { env })
  expect(stderr).toBe('')
  expect(stdout).toMatch(/CUT: budget spent/)
  expect(stdout).not.toContain('In a checkout')
  expect(exitCode).toBe(0)
  expect((await readdir(host.userHome)).filter((name) => name !== 'node-compile-cache')).toEqual([])
})
