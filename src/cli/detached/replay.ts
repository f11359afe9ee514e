/**
 * The latest output of a program, for terminals that come later.
 *
 * **Invariant** What is replayed asks a terminal for nothing: its answer would be typed into a program that asked long ago.
 */
import { sequences } from '../terminal-sequences.ts'

export interface Replay {
  push(bytes: Buffer): void
  bytes(): Buffer
}

export const maxReplayBytes = 64 * 1024

export function createReplay(maxBytes = maxReplayBytes): Replay {
  let kept: Buffer[] = []
  let keptBytes = 0
  let isWhole = true
  return {
    push(bytes) {
      kept.push(bytes)
      keptBytes += bytes.length
      if (keptBytes <= 2 * maxBytes) return
      const last = Buffer.from(Buffer.concat(kept).subarray(-maxBytes))
      kept = [last]
      keptBytes = last.length
      isWhole = false
    },
    bytes() {
      const all = Buffer.concat(kept)
      const last = all.subarray(-maxBytes)
      const text = last.toString('latin1')
      const from = isWhole && last.length === all.length ? 0 : beginningOf(text)
      return Buffer.from(text.slice(from).replaceAll(sequences, silent).replaceAll('\u0005', ''), 'latin1')
    },
  }
}

/** A place that is inside of no character and no sequence. */
function beginningOf(text: string): number {
  const line = text.indexOf('\n')
  return line === -1 ? Math.max(0, text.indexOf('\u001b')) : line + 1
}

/** Control strings name titles and colours, and set the clipboard: none of it again. The others ask what the terminal is and has. */
/** Behind the escape. */
const unwanted = /^(?:[\]PX^_]|\[[^a-zA-Z]*[cnx]$|\[[\d;]*t$|\[\?.*u$|\[>.*q$|\[.*\$p$)/

function silent(sequence: string): string {
  return unwanted.test(sequence.slice(1)) ? '' : sequence
}
