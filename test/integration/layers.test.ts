import path from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { hashLayer } from '../../src/sandbox/layers/hash-layer.ts'
import { sealWritten, squashSealed } from '../../src/sandbox/layers/seal.ts'
import { listing, openLayeredProject, overlayOf } from '../fakes/layered-project.ts'
import { randomChanges } from '../fakes/random-changes.ts'

const tree = 'mkdir -p d/e f; for file in a b d/a d/e/a f/a; do echo $file > $file; done; ln -s a link'

it.each(['overlay', 'copy'] as const)('a layer (%s) shows changes to the bottle alone', async (form) => {
  await using project = await openLayeredProject(form, tree)
  const before = await listing(project.originalPath)
  await project.inside('echo more >> a; rm -r d; mkdir d; echo new > d/new; mv f g; chmod 600 b')
  expect(await listing(project.originalPath)).toBe(before)
  expect(await project.inside('cat a d/new g/a; ls d')).toBe('a\nmore\nnew\nf/a\nnew\n')
})

it('layers that were sealed show what they showed, also as fewer', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(randomChanges({ max: 12 }), { minLength: 2, maxLength: 4 }), async (rounds) => {
      await using project = await openLayeredProject('overlay', tree)
      const before = await listing(project.originalPath)
      for (const script of rounds) {
        await project.inside(script)
        const view = await project.view()
        await project.end()
        await sealWritten(overlayOf(await project.stack()))
        await project.resume()
        expect(await project.view()).toBe(view)
      }
      const view = await project.view()
      await project.end()
      const { form } = await squashSealed(overlayOf(await project.stack()))
      expect(form.sealed.length).toBeLessThanOrEqual(rounds.length)
      await project.resume()
      expect(await project.view()).toBe(view)
      expect(await listing(project.originalPath)).toBe(before)
    }),
    { numRuns: 12, endOnFailure: true },
  )
})

it('layers become one, but where a folder took the place of what another had removed', async () => {
  for (const [changes, left] of [
    [['echo 1 > a; rm b', 'echo 2 > a; mkdir n', 'rm -r d; mkdir d; echo 3 > d/new'], ['sealed-1']],
    [
      ['rm -r d', 'mkdir d', 'echo 3 > d/new'],
      ['sealed-1', 'sealed-2'],
    ],
  ] as const) {
    await using project = await openLayeredProject('overlay', tree)
    for (const script of changes) {
      await project.inside(script)
      await project.end()
      await sealWritten(overlayOf(await project.stack()))
      await project.resume()
    }
    const view = await project.view()
    await project.end()
    expect((await squashSealed(overlayOf(await project.stack()))).form.sealed).toEqual(left)
    await project.resume()
    expect(await project.view()).toBe(view)
  }
})

it('the hash of a layer changes with whatever a program can see of it', async () => {
  await using project = await openLayeredProject('overlay', tree)
  const hashes = new Set<string | null>()
  const stamps = new Set<string>()
  const hash = async () => {
    const { directory } = await project.stack()
    const { sha256, stamp } = await hashLayer(path.join(directory, 'upper'), { contents: true })
    stamps.add(stamp)
    return sha256
  }
  const changes = [
    'echo x >> a',
    'chmod 600 a',
    'rm b',
    'ln -s a l',
    'ln -sf b l',
    'mkdir n',
    'rm -r d',
    'mkdir d',
    'chmod 0 n',
    'touch -d @1 a',
  ]
  for (const change of changes) {
    await project.inside(change)
    hashes.add(await hash())
  }
  expect(hashes.size).toBe(changes.length)
  expect(hashes.has(await hash())).toBe(true)
  expect(stamps.size).toBe(changes.length)
})
