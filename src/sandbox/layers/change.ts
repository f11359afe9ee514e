/** One difference between what a bottle sees and the original. */
import type { Entry, EntryType } from './folder.ts'

export interface Side {
  readonly type: EntryType
  /** Permissions, without set-user-id, set-group-id and sticky. */
  readonly mode: number
  /** 0 for all but files. */
  readonly sizeBytes: number
  /** Of a symlink. */
  readonly linkTarget?: string
}

/** In the way of telling or applying a change: it refuses us, lies in too many folders, or is no file, folder or symlink. */
export type Obstacle = 'unreadable' | 'too deep' | 'special'

export interface Change {
  /** Relative to the workspace (or the home). */
  readonly path: string
  readonly kind: 'added' | 'modified' | 'deleted'
  /** In the original, now; null where it is not there. A folder is deleted, or in the way, with all that is in it. */
  readonly before: Side | null
  /** As the bottle left it; null where it is not there. */
  readonly after: Side | null
  /** Somebody else has changed the original here since the bottle began. */
  readonly isConflict: boolean
  readonly obstacle?: Obstacle
}

export function sideOf({ type, mode, sizeBytes }: Entry, linkTarget: string | undefined): Side {
  return {
    type,
    mode: mode & 0o777,
    sizeBytes: type === 'file' ? sizeBytes : 0,
    ...(linkTarget !== undefined && { linkTarget }),
  }
}
