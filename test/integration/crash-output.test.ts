/** What a controller leaves behind when it crashes: its own words, and no credential in them. */
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startCommand } from '../fakes/command.ts'

test('a crash whose error holds the credential is told without it (C03)', async () => {
  const program = fileURLToPath(new URL('crash-program.ts', import.meta.url))
  const command = startCommand([process.execPath, program, 'the-real/key+0123'], { env: {}, cwd: '/' })
  const { exitCode, stdout, stderr } = await command.ended
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  const told = 'Error: cannot send {"authorization":"Bearer [credential]"} to /?key=[credential]\n    at '
  expect(stderr.slice(0, told.length)).toBe(told)
  expect(stderr).not.toContain('the-real')
})
