import { describe, expect, it } from 'vitest'
import { wireFormats } from '../metering/formats/formats.ts'
import { pendingAnswer, plainAnswer, spentAnswer, spentEvent } from './refusal.ts'

const message = 'bot-bottle: budget spent (run a-1): 10 of 10 claude tokens used. "quoted"\nsecond line \u2028'
/** What makes some agent ask again for minutes, or hide the message (CLIENTS.md §c). */
const retried = [401, 429, 500, 502, 503, 529]
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

  it('is one whole event in a stream, also after half an event (E01)', () => {
    const event = spentEvent(format, message, 'req-1')
    expect(event).toMatch(/^\n\nevent: [a-z.]+\ndata: [^\n\r]+\n\n$/)
  })
})

it('is a billing error for Anthropic, with the request id in head and body (E02)', () => {
  const { status, headers, body } = spentAnswer('anthropic-messages', message, 'req-1')
  expect(status).toBe(402)
  expect(headers['request-id']).toBe('req-1')
  expect(JSON.parse(body)).toEqual({ type: 'error', error: { type: 'billing_error', message }, request_id: 'req-1' })
})

it('is an invalid prompt for OpenAI, in the answer and in the stream (E02)', () => {
  const { status, body } = spentAnswer('openai-responses', message, 'req-1')
  expect(status).toBe(400)
  expect(JSON.parse(body).error).toMatchObject({ code: 'invalid_prompt', type: 'invalid_request_error' })
  const data = /data: ([^\n]*)\n/.exec(spentEvent('openai-responses', message, 'req-1'))?.[1] ?? ''
  expect(JSON.parse(data)).toMatchObject({
    type: 'response.failed',
    response: { status: 'failed', error: { code: 'invalid_prompt', message } },
  })
})

it('says a refusal by policy where every client looks for it', () => {
  const { status, headers, body } = plainAnswer(403, 'host_not_allowed', message)
  expect(status).toBe(403)
  expect(headers['x-should-retry']).toBe('false')
  expect(JSON.parse(body).error).toMatchObject({ code: 'host_not_allowed', message })
})
