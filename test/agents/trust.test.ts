/**
 * Programs trust the bottle's CA without being told: every HTTPS client that Debian and npm have, in one bottle, beside the real
 * agents of the other tests (Claude Code is Bun, Codex is Rust). Prints what trusts and what could not be tried.
 */
import { copyFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openProductHost } from '../fakes/product-host.ts'
import { checkout } from '../fakes/test-user.ts'
import { runtimePackages } from './agent-packages.ts'

/** Not there in CI, and why that may be. */
const knownMissing: Readonly<Record<string, string>> = {
  'java-keytool': 'a JRE is 45 MB of packages; tried where one is installed',
  'node-20-fetch': "the system's own Node is of another version, or none",
  'node-20-https': "the system's own Node is of another version, or none",
}

interface ClientAnswer {
  readonly name: string
  readonly isThere: boolean
  readonly exitCode: number | string
  readonly told: string
}

test('programs of all kinds trust the CA of their bottle without being told', async () => {
  const runtimes = resolve(checkout, await runtimePackages())
  await using host = await openProductHost()
  await copyFile(join(import.meta.dirname, 'trust-clients.mjs'), join(host.workspace, 'trust-clients.mjs'))
  const inBottle = ['--', process.execPath, 'trust-clients.mjs', runtimes]
  const options = ['--bottle', 'claude', '--read-only', resolve(runtimes, '..')]
  const { exitCode, stdout, stderr } = await host.run(['run', ...options, ...inBottle])
  expect([exitCode, stderr]).toEqual([0, expect.anything()])
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ClientAnswer)
  const served = (await host.provider.served()).map(({ path }) => path)
  const rows = answers.map((answer) => ({ client: answer.name, result: resultOf(answer, served) }))
  console.table(rows)
  expect(rows.filter(({ result }) => result.startsWith('FAILED'))).toEqual([])
  const missing = rows.filter(({ result }) => result.startsWith('not there')).map(({ client }) => client)
  if (process.env.CI) expect(missing.filter((client) => !(client in knownMissing))).toEqual([])
  expect(answers.length - missing.length).toBeGreaterThanOrEqual(6)
})

function resultOf({ name, isThere, exitCode, told }: ClientAnswer, served: readonly string[]): string {
  if (!isThere || /No module named/.test(told)) return `not there${knownMissing[name] ? `: ${knownMissing[name]}` : ''}`
  const isTrusted = name === 'git' ? /error: 403/.test(told) : served.includes(`/v1/models?client=${name}`)
  const isContent = exitCode === 0 || name === 'git' || name === 'java-keytool'
  return isTrusted && isContent ? 'trusts' : `FAILED (${exitCode}): ${told.trim().slice(-300)}`
}
