import { expect, test } from 'vitest'
import { ConversationMemory, maxConversations } from './conversation-memory.ts'
import { profileRequest, type RequestProfile } from './request-profile.ts'

/** A transcript of paragraphs that are told apart by their letters. */
function transcript(name: string, turns: number, tail = ''): RequestProfile {
  const messages = Array.from({ length: turns }, (_, turn) => ({
    role: 'user',
    content: [{ type: 'text', text: `${name} says ${turn} `.repeat(200) + tail.slice(turn, turn + 1) }],
  }))
  return profileRequest([Buffer.from(JSON.stringify({ model: 'm', messages, stream: true }))])
}

test('recalls the conversation that a request continues, with what differs', () => {
  const memory = new ConversationMemory()
  memory.remember('m', { profile: transcript('one', 9), inputTokens: 900 })
  memory.remember('m', { profile: transcript('two', 9), inputTokens: 700 })
  expect(memory.recall('m', transcript('one', 10))).toMatchObject({ inputTokens: 900 })
  expect(memory.recall('m', transcript('two', 10))).toMatchObject({ inputTokens: 700 })
  const { differingBytes = 0 } = memory.recall('m', transcript('one', 10)) ?? {}
  expect(differingBytes).toBeGreaterThan(transcript('one', 10).totalBytes - transcript('one', 9).totalBytes)
  expect(differingBytes).toBeLessThan(transcript('one', 10).totalBytes / 3)
})

test('does not take another conversation, another model or a rewritten history for the same', () => {
  const memory = new ConversationMemory()
  memory.remember('m', { profile: transcript('one', 9), inputTokens: 900 })
  expect(memory.recall('m', transcript('three', 10))).toBeUndefined()
  expect(memory.recall('n', transcript('one', 10))).toBeUndefined()
  expect(memory.recall('m', transcript('one', 10, 'abcdefghij'))).toBeUndefined()
  expect(memory.recall('m', transcript('one', 2))).toBeUndefined()
})

test('takes a history that was cut short a little for the same', () => {
  const memory = new ConversationMemory()
  memory.remember('m', { profile: transcript('one', 20), inputTokens: 2_000 })
  expect(memory.recall('m', transcript('one', 18))).toMatchObject({ inputTokens: 2_000 })
})

test('keeps a conversation once, however long it goes on', () => {
  const memory = new ConversationMemory()
  memory.remember('m', { profile: transcript('helper', 9), inputTokens: 500 })
  for (let turn = 5; turn < 40; turn++) {
    memory.remember('m', { profile: transcript('main', turn), inputTokens: turn * 100 })
  }
  expect(memory.recall('m', transcript('helper', 10))).toMatchObject({ inputTokens: 500 })
  expect(memory.recall('m', transcript('main', 40))).toMatchObject({ inputTokens: 3_900 })
})

test('forgets the conversation that was used least recently', () => {
  const memory = new ConversationMemory()
  for (let index = 0; index <= maxConversations; index++) {
    memory.remember('m', { profile: transcript(`no${index}x`, 9), inputTokens: index })
  }
  expect(memory.recall('m', transcript('no0x', 10))).toBeUndefined()
  expect(memory.recall('m', transcript('no1x', 10))).toMatchObject({ inputTokens: 1 })
})
