/**
 * This terminal, attached to a bottle in the background: every key goes to its program, and what that prints comes here, as it does in
 * the terminal of a bottle in the foreground.
 *
 * **Invariant** However it ends, short of SIGKILL, the terminal is as it was: keys, and what the program had switched.
 */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { sizeFrame, typedFrames } from './attach-frames.ts'
import type { DetachKeys } from './detach-keys.ts'
import { ownTerminalSize } from './start-holder.ts'
import { createTerminalModes } from './terminal-modes.ts'

/** `over`: the bottle's holder is gone. `detached`: by the keys. `signal`: its number. */
export type AttachEnd = { readonly kind: 'over' | 'detached' } | { readonly kind: 'signal'; readonly number: number }

export async function attachTerminal(holder: Socket, keys: DetachKeys, ending: AbortSignal): Promise<AttachEnd> {
  const { stdin, stdout } = process
  const modes = createTerminalModes()
  const { promise: end, resolve } = Promise.withResolvers<AttachEnd>()
  const type = (typed: Buffer) => {
    const { pass, isDetached } = keys.push(typed)
    for (const frame of typedFrames(pass)) holder.write(frame)
    if (isDetached) resolve({ kind: 'detached' })
  }
  const resize = () => void holder.write(sizeFrame(ownTerminalSize()))
  const endBySignal = () => resolve({ kind: 'signal', number: Number(ending.reason) })
  ending.addEventListener('abort', endBySignal)
  holder.on('close', () => resolve({ kind: 'over' }))
  holder.on('data', (bytes: Buffer) => {
    modes.read(bytes)
    if (stdout.write(bytes)) return
    // The holder leaves out what we do not take.
    holder.pause()
    stdout.once('drain', () => holder.resume())
  })
  stdin.setRawMode(true)
  try {
    stdin.on('data', type)
    // Whoever closed the terminal.
    stdin.on('end', () => resolve({ kind: 'detached' }))
    stdout.on('resize', resize)
    resize()
    if (ending.aborted) endBySignal()
    return await end
  } finally {
    ending.removeEventListener('abort', endBySignal)
    stdout.off('resize', resize)
    stdin.off('data', type)
    stdin.pause()
    stdin.setRawMode(false)
    if (!stdout.write(modes.leave())) await once(stdout, 'drain')
    holder.destroy()
  }
}
