import type { Folder } from './folder.ts'

/** Whether a file has the same bytes in both folders. Throws EACCES for one that we may not read. */
export async function hasSameContent(one: Folder, other: Folder, name: string): Promise<boolean> {
  using first = one.file(name)
  using second = other.file(name)
  if (first === undefined || second === undefined) return false
  if (first.entry().sizeBytes !== second.entry().sizeBytes) return false
  const chunks = second.chunks()
  for await (const chunk of first.chunks()) {
    const { value, done } = await chunks.next()
    if (done || !chunk.equals(value)) return false
  }
  return true
}
