/** A command and the controller that it finds are not always of one version: after an update the old controller still runs. */
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hostPaths } from '../../src/host/paths.ts'
import { packageVersion } from '../../src/host/version.ts'
import { commandLine } from './command-line.ts'

test.each([
  ['the same version is not mentioned', packageVersion(), ''],
  [
    'another version is told, and what to do about it',
    '0.0.9',
    `bot-bottle: the controller is version 0.0.9, this is ${packageVersion()}; "bot-bottle controller restart" replaces it, and bottles live on\n`,
  ],
])('a controller of %s', async (_, version, note) => {
  await using home = await openHome(version)
  const { exitCode, stdout, stderr } = await commandLine(['ps', '--json'], { home: home.path })
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: '[]\n', stderr: note })
})

async function openHome(version: string) {
  const path = await mkdtemp(join(tmpdir(), 'bot-bottle-version-'))
  const { runPath, socketPath } = hostPaths(path)
  await mkdir(runPath)
  const server = createServer(({ url }, response) =>
    response.end(JSON.stringify(url === '/v1/status' ? { version } : [])),
  ).listen(socketPath)
  await once(server, 'listening')
  return {
    path,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await rm(path, { recursive: true })
    },
  }
}
