/** A bottle that swaps folders, files and symlinks as fast as it can, while the host reads and writes its layers (S12). */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BottleError } from '../../src/core/errors.ts'
import { applyChanges } from '../../src/sandbox/layers/apply-changes.ts'
import { contentsOf } from '../../src/sandbox/layers/change-content.ts'
import { discardChanges } from '../../src/sandbox/layers/discard-changes.ts'
import { listChanges } from '../../src/sandbox/layers/list-changes.ts'
import { inFolder, type LayeredProject, openLayeredProject } from '../fakes/layered-project.ts'

const rounds = 100
const secret = 'secret of the host'

describe.each(['overlay', 'copy'] as const)('a bottle that changes its layer (%s) while the host', (form) => {
  let outside: string
  let project: LayeredProject
  let racing: AsyncDisposable

  beforeAll(async () => {
    outside = realpathSync(mkdtempSync(path.join(tmpdir(), 'bot-bottle-outside-')))
    mkdirSync(path.join(outside, 'd'))
    for (const file of ['file', 'd/file']) writeFileSync(path.join(outside, file), secret, { mode: 0o600 })
    project = await openLayeredProject(form, 'echo a > a')
    // As in a bottle: the path leads nowhere for the program, but to the secret for the host.
    await project.inside(`mount -t tmpfs none ${outside}`)
    racing = await race(project, outside)
  })
  afterAll(async () => {
    await racing[Symbol.asyncDispose]()
    await project[Symbol.asyncDispose]()
    rmSync(outside, { recursive: true })
  })

  /** Everything that could have been changed there. */
  const state = () =>
    ['', 'file', 'd', 'd/file'].map((name) => {
      const file = path.join(outside, name)
      const { mode, mtimeMs, nlink, size } = statSync(file)
      return [name, mode, mtimeMs, nlink, size, size === secret.length ? readFileSync(file, 'utf8') : readdirSync(file)]
    })

  it('lists and shows its changes reads nothing outside', async () => {
    const before = state()
    let seen = 0
    for (let round = 0; round < rounds; round++) {
      for await (const found of listChanges(await project.stack(), { applied: new Map() })) {
        seen++
        expect(JSON.stringify(await contentsOf(found))).not.toContain(secret)
      }
    }
    expect(seen).toBeGreaterThan(rounds)
    expect(state()).toEqual(before)
  })

  it('applies and discards them changes nothing outside', async () => {
    const before = state()
    let done = 0
    for (let round = 0; round < rounds; round++) {
      for (const perform of [applyChanges, discardChanges]) {
        try {
          done += (await perform(await project.stack(), ({ path: file }) => file !== 'new' || perform === applyChanges))
            .length
        } catch (error) {
          expect(error).toBeInstanceOf(BottleError)
        }
      }
      expect(await inFolder(project.originalPath, 'find . -type f -exec cat {} +')).not.toContain(secret)
    }
    expect(done).toBeGreaterThan(0)
    expect(state()).toEqual(before)
  })
})

/** A folder and a file take turns with links to their like outside, some hundred thousand times a second. */
const racer = `
  const { mkdirSync, renameSync, symlinkSync, writeFileSync } = require('node:fs')
  const outside = process.argv[1]
  mkdirSync('new/d', { recursive: true })
  process.chdir('new')
  writeFileSync('d/file', 'n')
  writeFileSync('f', 'n')
  symlinkSync(outside + '/d', 'd.link')
  symlinkSync(outside + '/file', 'f.link')
  console.log('started')
  const swap = (one, other) => {
    try { renameSync(one, one + '.kept'); renameSync(other, one); renameSync(one, other); renameSync(one + '.kept', one) } catch {
      try { renameSync(one + '.kept', one) } catch { try { mkdirSync('d'); writeFileSync('d/file', 'n') } catch {} }
    }
  }
  for (;;) { swap('d', 'd.link'); swap('f', 'f.link'); try { symlinkSync(outside + '/d', 'd.link') } catch {} }
`

async function race(project: LayeredProject, outside: string): Promise<AsyncDisposable> {
  const [file, ...args] = project.command([process.execPath, '-e', racer, outside])
  const child = spawn(file ?? '', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'close')
      child.kill('SIGKILL')
      await ended
    },
  }
}
