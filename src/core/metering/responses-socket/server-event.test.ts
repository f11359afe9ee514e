import { expect, it } from 'vitest'
import { readServerEvent } from './server-event.ts'

const read = (event: object) => readServerEvent(Buffer.from(JSON.stringify(event)))

it('tells the type of an event and the status of an error', () => {
  expect(read({ type: 'response.created', response: { id: 'resp_1', status: 'in_progress' } })).toEqual({
    type: 'response.created',
    isTerminal: false,
    status: undefined,
  })
  expect(read({ type: 'error', status: 400, error: { code: 'previous_response_not_found' } })).toEqual({
    type: 'error',
    isTerminal: true,
    status: 400,
  })
})

it('tells nothing of what is no event', () => {
  for (const text of ['', '[]', '{"type":7}', '"response.created"', '{"a":{"type":"response.created"}}']) {
    expect(readServerEvent(Buffer.from(text)).type).toBeUndefined()
  }
})
