import { describe, expect, it } from 'vitest'
import type { WireFormatName } from '../metering/format.ts'
import { wireFormats } from '../metering/formats/formats.ts'
import { pendingAnswer, plainAnswer, spentAnswer, spentEvent } from './refusal.ts'

const message = 'bot-bottle: budget spent (run a-1): 10 of 10 claude tokens used. "quoted"\nsecond line \u2028'
/** What makes some agent ask again for minutes, or hide the message (CLIENTS.md §c). */
const retried = [401, 429, 500, 502, 503, 529]
/** Gemini's clients read no error in a stream; embeddings have no stream. */
const resetFormats: readonly WireFormatName[] = ['gemini', 'openai-embeddings']
const formats = Object.values(wireFormats).map(({ name }) => name)

describe.each(formats)('a refusal in the shape of %s', (format) => {
  it('ends the client at once when the budget is spent: no retried status, no retry-after (E02)', () => {
    const { status, headers, body } = spentAnswer(format, message, 'req-1')
    expect(retried).not.toContain(status)
    expect(headers['x-should-retry']).toBe('false')
    expect(Object.keys(headers)).not.toContain('retry-after')
    expect(JSON.parse(body).error.message).toBe(message)
  })

  it('says when to come back while room is only held by others (L03)', () => {
    const { status, headers, body } = pendingAnswer(format, message, 2)
    expect(status).toBe(429)
    expect(headers['retry-after']).toBe('2')
    expect(JSON.parse(body).error.message).toBe(message)
  })

  it('is one whole event in a stream, also after half an event, or a reset (E01)', () => {
    const event = spentEvent(format, message, 'req-1')
    if (resetFormats.includes(format)) expect(event).toBeUndefined()
    else expect(event).toMatch(/^\n\n(?:event: [a-z.]+\n)?data: [^\n\r]+\n\n$/)
  })
})

it('is a billing error for Anthropic, with the request id in head and body (E02)', () => {
  const { status, headers, body } = spentAnswer('anthropic-messages', message, 'req-1')
  expect(status).toBe(402)
  expect(headers['request-id']).toBe('req-1')
  expect(JSON.parse(body)).toEqual({ type: 'error', error: { type: 'billing_error', message }, request_id: 'req-1' })
})

it.each(['openai-responses', 'openai-chat', 'openai-embeddings'] as const)(
  'is an invalid prompt for %s (E02)',
  (format) => {
    const { status, body } = spentAnswer(format, message, 'req-1')
    expect(status).toBe(400)
    expect(JSON.parse(body).error).toMatchObject({ code: 'invalid_prompt', type: 'invalid_request_error' })
  },
)

const dataOf = (event = '') => JSON.parse(/data: ([^\n]*)\n/.exec(event)?.[1] ?? '')

it('is a failed response in a stream of the Responses API, an error in one of chat completions (E01)', () => {
  expect(dataOf(spentEvent('openai-responses', message, 'req-1'))).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'invalid_prompt', message } },
  })
  expect(dataOf(spentEvent('openai-chat', message, 'req-1'))).toEqual({
    error: { code: 'invalid_prompt', type: 'invalid_request_error', param: null, message },
  })
})

it('is a failed precondition for Gemini, and says in its words when room may come back (E02, L03)', () => {
  const { status, body } = spentAnswer('gemini', message, 'req-1')
  expect(status).toBe(400)
  expect(JSON.parse(body)).toEqual({ error: { code: 400, message, status: 'FAILED_PRECONDITION' } })
  expect(JSON.parse(pendingAnswer('gemini', message, 2).body).error).toMatchObject({
    status: 'RESOURCE_EXHAUSTED',
    details: [{ retryDelay: '2s' }],
  })
})

it('says a refusal by policy where every client looks for it', () => {
  const { status, headers, body } = plainAnswer(403, 'host_not_allowed', message)
  expect(status).toBe(403)
  expect(headers['x-should-retry']).toBe('false')
  expect(JSON.parse(body).error).toMatchObject({ code: 'host_not_allowed', message })
})
