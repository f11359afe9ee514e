/**
 * Files of a bottle's directory that outlive the controller that wrote them: each says its version, and a newer controller makes of an
 * older one what it would have written itself.
 *
 * To change what such a file holds: raise its version, append the step that leads there, and keep a file of the version before in
 * `kept-versions.test.ts`.
 */
import { BottleError } from '../core/errors.ts'

/** The content of one version as the next one writes it. */
export type VersionStep = (content: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>

export interface VersionedFile {
  /** As users know it. */
  readonly name: string
  /** The first leads from version 1 to 2. */
  readonly steps: readonly VersionStep[]
}

/** That of what is written now. */
export function versionOf({ steps }: VersionedFile): number {
  return steps.length + 1
}

/** Throws BottleError `conflict`, with a message that is the end of a sentence, for what a newer version wrote, or nobody. */
export function upgraded(text: string, file: VersionedFile): Readonly<Record<string, unknown>> {
  const { version, ...content } = JSON.parse(text) as Readonly<Record<string, unknown>> // an object: ours alone, mode 0600
  const now = versionOf(file)
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version < 1 || version > now) {
    throw new BottleError(
      'conflict',
      `its ${file.name} is of version ${String(version)}, and this one knows up to ${now}`,
      {
        hint: 'Use the version of bot-bottle that wrote it, or a newer one.',
      },
    )
  }
  return { version: now, ...file.steps.slice(version - 1).reduce((older, step) => step(older), content) }
}
