/**
 * What a bottle in the background prints, in its directory: `output.log`, and what was there before its last rotation in
 * `output.log.1`. Only the newest is kept (S13).
 *
 * **Invariant** Whoever reads `output.log.1` and then `output.log` has one piece of the output without a gap.
 */
import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export const outputLogName = 'output.log'
export const olderLogName = 'output.log.1'
export const maxOutputLogBytes = 8 * 1024 * 1024

export interface OutputLog extends Disposable {
  write(bytes: Buffer): void
  /** A line of ours, on a line of its own. */
  tell(line: string): void
}

/** Written at once, so that what is read by others is in order. A disk that is full loses output, and ends nothing. */
export function openOutputLog(directory: string, maxBytes = maxOutputLogBytes): OutputLog {
  const path = join(directory, outputLogName)
  let file = openLog(path)
  let sizeBytes = fstatSync(file).size
  let endsLine = true

  const rotate = () => {
    renameSync(path, join(directory, olderLogName))
    closeSync(file)
    file = openLog(path)
    sizeBytes = 0
  }
  const write = (bytes: Buffer) => {
    try {
      if (sizeBytes > 0 && sizeBytes + bytes.length > maxBytes) rotate()
      for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written)
      sizeBytes += bytes.length
    } catch {
      // The disk is full, or a kill has removed the directory: there is nobody whom this could stop, or be told to.
    }
    endsLine = bytes.at(-1) === lineFeed
  }
  return {
    write,
    tell: (line) => write(Buffer.from(`${endsLine ? '' : '\r\n'}bot-bottle: ${line}\r\n`)),
    [Symbol.dispose]: () => closeSync(file),
  }
}

const lineFeed = 0x0a

function openLog(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants
  return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600)
}
