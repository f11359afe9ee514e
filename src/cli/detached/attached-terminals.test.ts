import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sizeFrame, typedFrames } from './attach-frames.ts'
import { createAttachedTerminals, maxUnseenBytes } from './attached-terminals.ts'
import type { DetachedProgram } from './detached-program.ts'
import { connectHolder, serveHolder } from './holder-socket.ts'

let directory = ''
let sockets: Socket[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bot-bottle-attach-'))
})
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets = []
  await rm(directory, { recursive: true })
})

function open() {
  const told: string[] = []
  const program: DetachedProgram = {
    ended: Promise.resolve(0),
    type: (bytes) => void told.push(`typed ${bytes}`),
    resize: ({ rows, columns }) => void told.push(`${rows} rows, ${columns} columns`),
    end: () => {},
  }
  const terminals = createAttachedTerminals(() => program)
  return { told, terminals, serving: serveHolder(directory, terminals.connect) }
}

async function connect(): Promise<Socket> {
  const socket = await connectHolder(directory)
  if (!socket) throw new Error('nobody is there')
  sockets.push(socket)
  return socket
}

/** What comes until the text does. */
async function shown(socket: Socket, text: string): Promise<string> {
  let all = ''
  while (!all.includes(text)) all += String((await once(socket, 'data'))[0])
  return all
}

test('each terminal is shown the latest first, then the same as all; what each types goes to the program', async () => {
  const { told, terminals, serving } = open()
  await using _ = await serving
  terminals.show(Buffer.from('\u001b[?25lbefore\n'))
  const [first, second] = [await connect(), await connect()]
  for (const socket of [first, second]) {
    socket.write(sizeFrame({ rows: 30, columns: 100 }))
    expect(await shown(socket, 'before')).toBe('\u001b[?25l\u001b[?25lbefore\n')
  }
  const both = [shown(first, 'now'), shown(second, 'now')]
  terminals.show(Buffer.from('now'))
  expect(await Promise.all(both)).toEqual(['now', 'now'])
  for (const frame of typedFrames(Buffer.from('hello'))) first.write(frame)
  second.write(sizeFrame({ rows: 0, columns: 90 }))
  const over = shown(second, 'over')
  await expect
    .poll(() => told)
    .toEqual(['30 rows, 100 columns', '30 rows, 100 columns', 'typed hello', '1 rows, 90 columns'])
  terminals.show(Buffer.from('over'))
  await over
})

test('a program that draws on the other screen is made to draw it anew', async () => {
  const { told, terminals, serving } = open()
  await using _ = await serving
  terminals.show(Buffer.from('\u001b[?1049h'))
  const terminal = await connect()
  terminal.write(sizeFrame({ rows: 30, columns: 100 }))
  await shown(terminal, '\u001b[?1049h')
  await expect.poll(() => told).toEqual(['31 rows, 100 columns', '30 rows, 100 columns'])
})

test('a terminal that reads slowly is left out, and shown the latest once it reads again', async () => {
  const { terminals, serving } = open()
  await using _ = await serving
  const terminal = await connect()
  terminals.show(Buffer.from('begin'))
  terminal.write(sizeFrame({ rows: 30, columns: 100 }))
  await shown(terminal, 'begin')
  terminal.pause()
  const line = Buffer.from(`${'x'.repeat(1023)}\n`)
  const printed = 8 * maxUnseenBytes
  for (let bytes = 0; bytes < printed; bytes += line.length) terminals.show(line)
  terminals.show(Buffer.from('the latest'))
  const seen = shown(terminal, 'the latest')
  terminal.resume()
  expect((await seen).length).toBeLessThan(printed / 2)
})

test.each([
  ['another letter', Buffer.from([0x78, 0, 0, 0, 1, 0])],
  ['a length that is too much', Buffer.from([0x69, 255, 0, 0, 0])],
])('whoever sends %s is left', async (_, bytes) => {
  const { told, serving } = open()
  await using _serving = await serving
  const terminal = await connect()
  const closed = once(terminal.resume(), 'close')
  terminal.write(bytes)
  await closed
  expect(told).toEqual([])
})

test('there is nobody where no bottle is held', async () => {
  expect(await connectHolder(directory)).toBeUndefined()
})
