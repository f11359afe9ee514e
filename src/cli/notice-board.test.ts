import { expect, it } from 'vitest'
import { createNoticeBoard } from './notice-board.ts'

it('tells at once, or after the program where a full-screen program has the screen, each once', () => {
  const told: string[] = []
  let isScreenTaken = false
  const board = createNoticeBoard({ tell: (line) => told.push(line), isScreenTaken: () => isScreenTaken })
  board.tell('first')
  isScreenTaken = true
  board.tell('second')
  board.tell('third')
  expect(told).toEqual(['first'])
  board[Symbol.dispose]()
  board[Symbol.dispose]()
  expect(told).toEqual(['first', 'second', 'third'])
})
