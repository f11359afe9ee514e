/** What a freeze keeps of a bottle's files: sealed, hashed, taken up again, from any number of freezes. */
import { appendFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { checkSealed, sealLayers, snapshotLayers } from '../../src/sandbox/layers/snapshot.ts'
import { type LayeredProject, listing, openLayeredProject } from '../fakes/layered-project.ts'

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
      const snapshots = await snapshotLayers(directory)
      await project.end()
      await sealLayers(directory)
      // A crash may have come between the last step and its record.
      await sealLayers(directory)
      await checkSealed(directory, snapshots)
      await project.resume()
      expect(await project.view()).toBe(view)
    }
    expect(await listing(project.originalPath)).toBe(before)
    const { form: last } = await project.stack()
    if (last.kind === 'overlay') expect(last.sealed.length).toBeLessThanOrEqual(9)
  },
)

it.each(['overlay', 'copy'] as const)('what was changed while it was frozen (%s) is not taken up', async (form) => {
  await using project = await openLayeredProject(form, tree)
  await project.inside('echo more > d/a')
  const directory = await bottleDirectory(project)
  const snapshots = await snapshotLayers(directory)
  await project.end()
  await sealLayers(directory)
  await checkSealed(directory, snapshots)
  const { directory: stack } = await project.stack()
  await appendFile(path.join(stack, form === 'overlay' ? 'sealed-1' : 'tree', 'd/a'), 'planted')
  await expect(checkSealed(directory, snapshots)).rejects.toThrow(/the frozen workspace in .* was changed since/)
})
