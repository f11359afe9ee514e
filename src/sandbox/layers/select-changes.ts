/** Which changes a command is about, and which of them it should not touch. */
import path from 'node:path'
import { BottleError } from '../../core/errors.ts'
import type { Change } from './change.ts'
import { hostRisk } from './host-risk.ts'

export interface LeftOut {
  readonly change: Change
  /** As the end of a sentence. */
  readonly reason: string
}

export interface Selection {
  readonly taken: readonly Change[]
  readonly leftOut: readonly LeftOut[]
}

/** Those at and below the paths; all without any. Throws BottleError `usage` for a path without a change. */
export function changesAt(changes: readonly Change[], paths: readonly string[]): readonly Change[] {
  const missing = paths.find((wanted) => !changes.some((change) => isAtOrBelow(change.path, wanted)))
  if (missing !== undefined) {
    throw new BottleError('usage', `nothing was changed at ${missing}`, {
      hint: 'Paths are those that `bot-bottle diff ID --name-status` shows.',
    })
  }
  return paths.length === 0
    ? changes
    : changes.filter((change) => paths.some((wanted) => isAtOrBelow(change.path, wanted)))
}

/** Those to take over, with the new folders that they lie in. What runs on the host must be named by its own path. */
export function changesToApply(
  changes: readonly Change[],
  {
    paths,
    originalPath,
    isRepository,
  }: {
    readonly paths: readonly string[]
    readonly originalPath: string
    readonly isRepository: (folder: string) => boolean
  },
): Selection {
  const leftOut: LeftOut[] = []
  const wanted = changesAt(changes, paths).filter((change) => {
    const reason = paths.includes(change.path) ? obstacleTo(change) : (obstacleTo(change) ?? riskOf(change))
    if (reason !== undefined) leftOut.push({ change, reason })
    return reason === undefined
  })
  const parents = changes.filter(
    ({ path: folder, after }) =>
      after?.type === 'folder' && wanted.some((change) => change.path.startsWith(`${folder}/`)),
  )
  const taken = new Set([...wanted, ...parents])
  return { taken: changes.filter((change) => taken.has(change)), leftOut }

  function riskOf(change: Change): string | undefined {
    if (leavesProject(change, originalPath)) return 'it is a link that leads out of the directory'
    if (change.after?.type === 'folder') return undefined
    const runner = hostRisk(change.path, isRepository)
    return runner === undefined ? undefined : `${runner} obeys it`
  }
}

function obstacleTo({ obstacle }: Change): string | undefined {
  if (obstacle === undefined) return undefined
  return { unreadable: 'it cannot be read', 'too deep': 'it lies too deep', special: 'it is a pipe, socket or device' }[
    obstacle
  ]
}

function leavesProject({ path: link, after }: Change, originalPath: string): boolean {
  if (after?.linkTarget === undefined) return false
  const target = path.resolve(originalPath, path.dirname(link), after.linkTarget)
  return target !== originalPath && !target.startsWith(`${originalPath}/`)
}

function isAtOrBelow(file: string, wanted: string): boolean {
  return file === wanted || file.startsWith(`${wanted}/`)
}
