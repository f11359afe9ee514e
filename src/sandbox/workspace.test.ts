import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { SandboxSpec } from './sandbox.ts'
import { checkWorkspace, openHome } from './workspace.ts'

let root: string
beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'bot-bottle-workspace-')))
  for (const folder of ['home/project', 'state/bottle/home', 'outside'])
    mkdirSync(path.join(root, folder), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true }))

describe('checkWorkspace', () => {
  const check = (wanted: string) =>
    checkWorkspace(
      { kind: 'direct', path: wanted },
      { homes: [path.join(root, 'home')], bottleDirectory: path.join(root, 'state/bottle') },
    )

  it('accepts a project below the home, and gives its real path', async () => {
    symlinkSync(path.join(root, 'home/project'), path.join(root, 'link'))
    expect(await check(path.join(root, 'link'))).toBe(path.join(root, 'home/project'))
  })

  it.each(['/', '/usr/share', '/etc', '/proc', '/dev', '/sys', '/run', '/tmp', '/home', 'relative', '/no/such/folder'])(
    'refuses %s',
    async (wanted) => {
      await expect(check(wanted)).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('project') })
    },
  )

  it.each(['home', '.', 'state', 'state/bottle', 'state/bottle/home'])('refuses %s of the host', async (relative) => {
    await expect(check(path.join(root, relative))).rejects.toMatchObject({ code: 'usage' })
  })

  it('refuses a symlink that leads to the home', async () => {
    symlinkSync(path.join(root, 'home'), path.join(root, 'outside/link'))
    await expect(check(path.join(root, 'outside/link'))).rejects.toMatchObject({ code: 'usage' })
  })
})

describe('openHome', () => {
  const prepare = (homeFiles: Record<string, string>) =>
    openHome({ directory: path.join(root, 'state/bottle'), homeFiles } as unknown as SandboxSpec, undefined)

  it('writes the files with their folders', async () => {
    const { writablePath: home } = await prepare({ '.tool/deep/config': 'text', plain: 'other' })
    expect(readFileSync(path.join(home, '.tool/deep/config'), 'utf8')).toBe('text')
    expect(readFileSync(path.join(home, 'plain'), 'utf8')).toBe('other')
  })

  it.each(['../outside', '/etc/motd', '.', 'a/../../x'])('refuses the path %s', async (relative) => {
    await expect(prepare({ [relative]: 'x' })).rejects.toMatchObject({ code: 'usage' })
  })
})
