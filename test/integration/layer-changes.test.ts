import { utimesSync } from 'node:fs'
import { cp, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readAppliedTimes } from '../../src/sandbox/layers/applied-times.ts'
import { applyChanges } from '../../src/sandbox/layers/apply-changes.ts'
import type { Change } from '../../src/sandbox/layers/change.ts'
import { discardChanges } from '../../src/sandbox/layers/discard-changes.ts'
import { listChanges } from '../../src/sandbox/layers/list-changes.ts'
import { removeTree } from '../../src/sandbox/layers/remove-entry.ts'
import { sealWritten } from '../../src/sandbox/layers/seal.ts'
import {
  inFolder,
  inFolderAsRoot,
  type LayeredProject,
  listing,
  openLayeredProject,
  overlayOf,
} from '../fakes/layered-project.ts'
import { randomChanges } from '../fakes/random-changes.ts'

const tree = 'mkdir -p d/e f; for file in a b d/a d/e/a f/a; do echo $file > $file; done; ln -s a link'

async function changesOf(project: LayeredProject): Promise<readonly Change[]> {
  const stack = await project.stack()
  const changes: Change[] = []
  for await (const { change } of listChanges(stack, { applied: await readAppliedTimes(stack.directory) }))
    changes.push(change)
  return changes
}

const words = ({ kind, path, before, after, isConflict, obstacle }: Change) =>
  [kind, path, before?.type, after?.type, isConflict && 'conflict', obstacle].filter(Boolean).join(' ')

const toldOf = async (project: LayeredProject) => (await changesOf(project)).map(words)

describe.each(['overlay', 'copy'] as const)('the changes in a layer (%s)', (form) => {
  it('are told by what they are', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside(
      'echo x >> a; chmod 600 b; rm -r d/e; echo n > d/n; mkdir -p new/empty; ln -sf b link; rm -r f; echo file > f; mkfifo pipe; touch d/a',
    )
    expect(await toldOf(project)).toEqual([
      'modified a file file',
      'modified b file file',
      'deleted d/e folder',
      'added d/n file',
      'modified f folder file',
      'modified link symlink symlink',
      'added new folder',
      'added new/empty folder',
      'added pipe special special',
    ])
  })

  it('are none where a file was written as it was, or moved there and back', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside(
      'cat a > tmp; cat tmp > a; rm tmp; mv d x; mv x d; chmod 600 b; chmod 644 b; rm link; ln -s a link',
    )
    expect(await toldOf(project)).toEqual([])
  })

  it('are found through a folder that was replaced, and in names that are no text', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside(`rm -r d; mkdir d; echo d/a > d/a; echo x > d/$'\\xff'; rm f/a; rmdir f; mkdir f`)
    expect(await toldOf(project)).toEqual(['deleted d/e folder', 'added d/\udcff file', 'deleted f/a file'])
  })

  it('conflict where somebody else changed the original since', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside('echo x >> a; rm b; rm -r d; echo mine > added; echo y > f/new')
    await inFolder(
      project.originalPath,
      'echo host > a; echo host > b; echo host > d/e/a; echo theirs > added; echo z > f/b',
    )
    expect(await toldOf(project)).toEqual([
      'modified a file file conflict',
      'modified added file file conflict',
      'deleted b file conflict',
      'deleted d folder conflict',
      'added f/new file',
    ])
  })

  it('are not what the host alone did', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside('mkdir -p d && echo x > d/x')
    await inFolder(project.originalPath, 'echo host > a; rm b; echo new > new; mkdir -p more/files; chmod 600 f/a')
    expect(await toldOf(project)).toEqual(['added d/x file'])
  })

  it('are found in folders that were moved, also to where another one was', async () => {
    await using project = await openLayeredProject(form, `${tree}; mkdir g; echo g > g/a`)
    await project.inside('mv d/e moved; rm -r g; mv f g')
    expect(await toldOf(project)).toEqual([
      'deleted d/e folder',
      'deleted f folder',
      'modified g/a file file',
      'added moved folder',
      'added moved/a file',
    ])
  })

  it('leave other names of the same file alone when they are applied', async () => {
    await using project = await openLayeredProject(form, `${tree}; ln a ../other-name`)
    await project.inside('echo x >> a')
    await applyChanges(await project.stack(), () => true)
    expect(await inFolder(project.originalPath, 'cat ../other-name a')).toBe('a\na\nx\n')
  })

  it('conflict after they were applied only when somebody changed the original again', async () => {
    await using project = await openLayeredProject(form, tree)
    await project.inside('echo x >> a; echo x >> b')
    await applyChanges(await project.stack(), () => true)
    expect(await toldOf(project)).toEqual([])
    await project.inside('echo y >> a; echo y >> b')
    utimesSync(join(project.originalPath, 'b'), 1, 1)
    expect(await toldOf(project)).toEqual(['modified a file file', 'modified b file file conflict'])
  })

  it.each(['running', 'ended'] as const)(
    'make of the original what the bottle saw, once applied (%s)',
    async (state) => {
      await fc.assert(
        fc.asyncProperty(randomChanges({ max: 25 }), async (script) => {
          await using project = await openLayeredProject(form, tree)
          const oracle = await mkdtemp(join(tmpdir(), 'bot-bottle-oracle-'))
          try {
            await cp(project.originalPath, oracle, { recursive: true, verbatimSymlinks: true })
            await inFolderAsRoot(oracle, script)
            await project.inside(script)
            expect(await project.view()).toBe(await listing(oracle))
            if (state === 'ended') await project.end()
            const changes = await changesOf(project)
            expect(changes.filter(({ isConflict }) => isConflict)).toEqual([])
            expect(await applyChanges(await project.stack(), () => true)).toEqual(changes)
            expect(await listing(project.originalPath)).toBe(await listing(oracle))
            expect(await toldOf(project)).toEqual([])
          } finally {
            await removeTree(oracle)
          }
        }),
        { numRuns: 12, endOnFailure: true },
      )
    },
  )

  it.each(['running', 'ended'] as const)(
    'leave the bottle what the original is, once discarded (%s)',
    async (state) => {
      await fc.assert(
        fc.asyncProperty(randomChanges({ max: 25 }), async (script) => {
          await using project = await openLayeredProject(form, tree)
          const before = await listing(project.originalPath)
          await project.inside(script)
          if (state === 'ended') await project.end()
          await discardChanges(await project.stack(), () => true)
          expect(await toldOf(project)).toEqual([])
          expect(await listing(project.originalPath)).toBe(before)
          if (state === 'ended') await project.resume()
          expect(await project.view()).toBe(before)
        }),
        { numRuns: 12, endOnFailure: true },
      )
    },
  )
})

it('the changes in several sealed layers are those of all of them', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(randomChanges({ max: 12 }), { minLength: 2, maxLength: 3 }), async (rounds) => {
      await using project = await openLayeredProject('overlay', tree)
      for (const script of rounds) {
        await project.inside(script)
        await project.end()
        await sealWritten(overlayOf(await project.stack()))
        await project.resume()
      }
      const view = await project.view()
      await applyChanges(await project.stack(), () => true)
      expect(await listing(project.originalPath)).toBe(view)
    }),
    { numRuns: 8, endOnFailure: true },
  )
})
