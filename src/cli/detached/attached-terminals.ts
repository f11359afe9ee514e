/**
 * The terminals that look at a bottle in the background. All see the same and type into the same; the size is that of whoever came
 * or was resized last. None of them holds the program up: what a slow one has not read is left out, and it is shown the latest.
 */
import type { Socket } from 'node:net'
import { createFrameReader } from './attach-frames.ts'
import type { DetachedProgram, TerminalSize } from './detached-program.ts'
import { createReplay } from './replay.ts'
import { createTerminalModes } from './terminal-modes.ts'

export interface AttachedTerminals {
  /** Also of one that only waits for the end, and never says anything. */
  connect(socket: Socket): void
  show(bytes: Buffer): void
}

/** Of one terminal. */
export const maxUnseenBytes = 1024 * 1024

export function createAttachedTerminals(program: () => DetachedProgram | undefined): AttachedTerminals {
  const terminals = new Map<Socket, { isBehind: boolean }>()
  const modes = createTerminalModes()
  const replay = createReplay()
  const latest = () => Buffer.concat([Buffer.from(modes.enter()), replay.bytes()])

  const attach = (socket: Socket) => {
    const terminal = { isBehind: false }
    terminals.set(socket, terminal)
    socket.write(latest())
    socket.on('drain', () => {
      if (terminal.isBehind) socket.write(latest())
      terminal.isBehind = false
    })
  }
  const resize = (size: TerminalSize, isNew: boolean) => {
    // A program that draws the whole screen does so when its size changes, and only it knows what is not in the replay.
    if (isNew && modes.isOtherScreen) program()?.resize({ ...size, rows: size.rows + 1 })
    program()?.resize(size)
  }
  return {
    connect(socket) {
      const reader = createFrameReader()
      socket.on('close', () => terminals.delete(socket))
      socket.on('data', (bytes: Buffer) => {
        try {
          for (const frame of reader.push(bytes)) {
            if (frame.kind === 'typed') program()?.type(frame.bytes)
            else {
              const isNew = !terminals.has(socket)
              if (isNew) attach(socket)
              resize(frame.size, isNew)
            }
          }
        } catch {
          socket.destroy()
        }
      })
    },
    show(bytes) {
      modes.read(bytes)
      replay.push(bytes)
      for (const [socket, terminal] of terminals) {
        terminal.isBehind ||= socket.writableLength > maxUnseenBytes
        if (!terminal.isBehind) socket.write(bytes)
      }
    },
  }
}
