import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/** What a process says on a pipe that others may hold open; undefined when it ends without a line. */
export async function firstLine(stream: Readable): Promise<string | undefined> {
  try {
    for await (const line of createInterface({ input: stream })) return line
    return undefined
  } finally {
    stream.destroy()
  }
}
