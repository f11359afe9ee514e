import { describe, expect, it } from 'vitest'
import type { Change, Side } from './change.ts'
import { changesAt, changesToApply } from './select-changes.ts'

const file: Side = { type: 'file', mode: 0o644, sizeBytes: 1 }
const folder: Side = { type: 'folder', mode: 0o755, sizeBytes: 0 }
const added = (path: string, after: Side = file): Change => ({
  path,
  kind: 'added',
  before: null,
  after,
  isConflict: false,
})
const link = (path: string, linkTarget: string) =>
  added(path, { type: 'symlink', mode: 0o777, sizeBytes: 0, linkTarget })
const pathsOf = (changes: readonly Change[]) => changes.map(({ path }) => path)

const changes = [added('a'), added('ab'), added('d', folder), added('d/e', folder), added('d/e/f'), added('d/g')]

describe('changesAt', () => {
  it('takes what is at and below the paths', () => {
    expect(pathsOf(changesAt(changes, ['a', 'd/e']))).toEqual(['a', 'd/e', 'd/e/f'])
    expect(changesAt(changes, [])).toBe(changes)
  })

  it('refuses a path without a change', () => {
    expect(() => changesAt(changes, ['a', 'd/e/x'])).toThrow('nothing was changed at d/e/x')
  })
})

describe('changesToApply', () => {
  const select = (given: readonly Change[], paths: readonly string[] = []) => {
    const { taken, leftOut } = changesToApply(given, { paths, originalPath: '/p', isRepository: () => false })
    return { taken: pathsOf(taken), leftOut: leftOut.map(({ change }) => change.path) }
  }

  it('takes the new folders that a path lies in', () => {
    expect(select(changes, ['d/e/f'])).toEqual({ taken: ['d', 'd/e', 'd/e/f'], leftOut: [] })
  })

  it('leaves out what the host obeys until it is named by its own path (S11)', () => {
    const risky = [added('.vscode', folder), added('.vscode/tasks.json'), added('x')]
    expect(select(risky)).toEqual({ taken: ['.vscode', 'x'], leftOut: ['.vscode/tasks.json'] })
    expect(select(risky, ['.vscode'])).toEqual({ taken: ['.vscode'], leftOut: ['.vscode/tasks.json'] })
    expect(select(risky, ['.vscode/tasks.json'])).toEqual({ taken: ['.vscode', '.vscode/tasks.json'], leftOut: [] })
  })

  it('leaves out the removal of a whole repository until it is named', () => {
    const removal: Change = { path: '.git', kind: 'deleted', before: folder, after: null, isConflict: false }
    expect(select([removal])).toEqual({ taken: [], leftOut: ['.git'] })
    expect(select([removal], ['.git'])).toEqual({ taken: ['.git'], leftOut: [] })
  })

  it.each([
    ['l', '/etc/passwd', false],
    ['l', '../x', false],
    ['d/l', '../../x', false],
    ['d/l', '../x', true],
    ['l', '/p/x', true],
    ['l', '/p', true],
    ['l', '/pp', false],
  ])('takes a link %s to %s: %s', (path, target, isTaken) => {
    expect(select([link(path, target)]).taken).toEqual(isTaken ? [path] : [])
    expect(select([link(path, target)], [path]).taken).toEqual([path])
  })

  it('takes nothing that cannot be read, also when it is named', () => {
    const change: Change = { ...added('x'), obstacle: 'unreadable' }
    expect(select([change], ['x'])).toEqual({ taken: [], leftOut: ['x'] })
  })
})
