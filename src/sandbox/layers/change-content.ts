/** The content of both sides of a change, as far as it is worth showing. */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import type { Folder } from './folder.ts'
import type { FoundChange } from './list-changes.ts'

/** Of a file that is shown line by line. */
const maxTextBytes = 1024 * 1024

export type Content =
  | { readonly kind: 'text'; readonly text: string }
  /** No text in UTF-8, or too much of it. SHA-256 in hex. */
  | { readonly kind: 'bytes'; readonly sizeBytes: number; readonly sha256: string }
  /** Nothing is there, or a folder, or something that cannot be read. */
  | { readonly kind: 'none' }

export async function contentsOf(found: FoundChange): Promise<{ readonly before: Content; readonly after: Content }> {
  const { change, original, layer, name } = found
  const before = original && change.before && (await contentOf(original, name))
  const after = change.after && (await contentOf(layer, name))
  return { before: before ?? { kind: 'none' }, after: after ?? { kind: 'none' } }
}

async function contentOf(folder: Folder, name: string): Promise<Content> {
  const target = folder.linkTarget(name)
  if (target !== undefined) return { kind: 'text', text: target }
  const held = folder.hold(name)
  using _held = held
  if (!held?.isReadable) return { kind: 'none' }
  using file = folder.file(name)
  if (file === undefined) return { kind: 'none' }
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of file.chunks()) {
    hash.update(chunk)
    sizeBytes += chunk.length
    if (sizeBytes <= maxTextBytes) kept.push(Buffer.from(chunk))
  }
  const bytes = Buffer.concat(kept)
  const isText = sizeBytes <= maxTextBytes && isUtf8(bytes) && !bytes.includes(0)
  return isText ? { kind: 'text', text: bytes.toString() } : { kind: 'bytes', sizeBytes, sha256: hash.digest('hex') }
}
