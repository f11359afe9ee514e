/** What a freeze keeps of a bottle's files: sealed, hashed, taken up again, from any number of freezes. */
import { execFileSync } from 'node:child_process'
import { statSync, utimesSync } from 'node:fs'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discardChanges } from '../../src/sandbox/layers/discard-changes.ts'
import { Folder } from '../../src/sandbox/layers/folder.ts'
import { hashLayer } from '../../src/sandbox/layers/hash-layer.ts'
import { inLayerThread } from '../../src/sandbox/layers/layer-thread.ts'
import { opaqueFolders } from '../../src/sandbox/layers/opaque-folders.ts'
import { checkSealed, hashSealed, readSealed, sealLayers, snapshotLayers } from '../../src/sandbox/layers/snapshot.ts'
import { type LayeredProject, listing, openLayeredProject } from '../fakes/layered-project.ts'
import { randomChanges } from '../fakes/random-changes.ts'

const tree = 'mkdir -p d/e; for file in a b d/a d/e/a; do echo $file > $file; done; ln -s a link'

async function bottleDirectory(project: LayeredProject): Promise<string> {
  return path.dirname(path.dirname((await project.stack()).directory))
}

it.each(['overlay', 'copy'] as const)(
  'a bottle (%s) that was frozen a dozen times shows what it showed, and the original is as it was (E06)',
  async (form) => {
    await using project = await openLayeredProject(form, tree)
    const before = await listing(project.originalPath)
    const directory = await bottleDirectory(project)
    for (let round = 0; round < 12; round++) {
      await project.inside(
        `echo ${round} >> a; rm -rf d/e; mkdir -p d/e "empty ${round}"; echo x > d/e/${round}; ln -sfn ${round} link
         chmod $((round % 8))00 b; [ ${round} = 5 ] && rm b && echo new > b; true`,
      )
      const view = await project.view()
      await snapshotLayers(directory)
      await project.end()
      await sealLayers(directory)
      // A crash may have come between the last step and its record.
      await sealLayers(directory)
      await checkSealed(directory)
      await project.resume()
      expect(await project.view()).toBe(view)
    }
    expect(await listing(project.originalPath)).toBe(before)
    const { form: last } = await project.stack()
    if (last.kind === 'overlay') expect(last.sealed.length).toBeLessThanOrEqual(9)
  },
)

async function freeze(project: LayeredProject): Promise<string> {
  const directory = await bottleDirectory(project)
  await snapshotLayers(directory)
  await project.end()
  await sealLayers(directory)
  return directory
}

describe.each(['overlay', 'copy'] as const)('a frozen bottle (%s)', (form) => {
  const top = async (project: LayeredProject) =>
    path.join((await project.stack()).directory, form === 'overlay' ? 'sealed-1' : 'tree')

  it('is not taken up when it was changed since, be it before its contents were hashed or after', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside('echo more > d/a')
    const directory = await freeze(project)
    await checkSealed(directory)
    const file = path.join(await top(project), 'd/a')
    const { mtimeMs } = statSync(file)
    await writeFile(file, 'MORE\n')
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000)
    await expect(inLayerThread('checkSealed', directory)).rejects.toThrow(
      /the frozen workspace in .* was changed since/,
    )
    await hashSealed(directory)
    await expect(checkSealed(directory)).rejects.toThrow(/was changed since/)
  })

  it('is taken up where its files were copied, as from a backup, and hold the same', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside('rm b; mkdir -p new/empty; echo more > d/a; chmod 0 d/a')
    const directory = await freeze(project)
    expect(await readSealed(directory)).toMatchObject([{ name: 'workspace', kind: form, sha256: null }])
    await hashSealed(directory)
    await checkSealed(directory)
    const layer = await top(project)
    execFileSync('cp', ['-a', layer, `${layer}.copy`])
    await rename(layer, `${layer}.old`)
    await rename(`${layer}.copy`, layer)
    await checkSealed(directory)
    await appendFile(path.join(layer, 'a'), 'planted')
    await expect(checkSealed(directory)).rejects.toThrow(/was changed since/)
  })

  it('of which something is discarded goes on without it, as it is then (E06)', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomChanges({ max: 12 }), { minLength: 2, maxLength: 2 }), async (rounds) => {
        await using project = await openLayeredProject(form, tree)
        const before = await listing(project.originalPath)
        for (const script of rounds) {
          await project.inside(script)
          await freeze(project)
          await project.resume()
        }
        const directory = await freeze(project)
        await discardChanges(await project.stack(), () => true)
        await checkSealed(directory)
        await project.resume()
        expect(await project.view()).toBe(before)
        expect(await listing(project.originalPath)).toBe(before)
      }),
      { numRuns: 2, endOnFailure: true },
    )
  })
})

it('folders that hide what lies below them are told by one look at all of them, also those that nobody may look into', async () => {
  await using project = await openLayeredProject('overlay', tree)
  await project.inside('rm -r d/e; mkdir -p d/e/deep; mkdir other; mv other d/e/x; chmod 0 d/e')
  const upper = path.join((await project.stack()).directory, 'upper')
  const open = await hashLayer(upper, { contents: true })
  await project.inside('chmod 755 d/e')
  const closed = await hashLayer(upper, { contents: true })
  expect(open.sha256).not.toBe(closed.sha256)
  using folder = Folder.open(upper)
  expect([...(await opaqueFolders(folder, ['d', 'd/e', 'd/e/deep', 'd/e/x']))]).toEqual(['d/e'])
})
