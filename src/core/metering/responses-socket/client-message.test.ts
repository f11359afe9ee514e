import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readClientMessage } from './client-message.ts'

const allowed = { providerTools: ['web_search'] }
const read = (message: string) => readClientMessage(Buffer.from(message), allowed)

describe('a message of a client', () => {
  it('is a request when its type says so, however it is spelled in JSON (H15)', () => {
    expect(read('{"type":"response.create","model":"m","max_output_tokens":9}')).toMatchObject({
      kind: 'create',
      reading: { model: 'm', maxOutputTokens: 9, previousResponseId: undefined },
      isPrewarm: false,
    })
    expect(read('{"type":"response.create","generate":false}')).toMatchObject({ kind: 'create', isPrewarm: true })
    expect(
      read('{"input":[{"type":"message"}],"previous_response_id":"resp_1",\n"typ\\u0065":"response\\u002ecreate"}'),
    ).toMatchObject({ kind: 'create', reading: { previousResponseId: 'resp_1' } })
  })

  it('may ask for tools of the provider as far as they are allowed (I3)', () => {
    expect(read('{"type":"response.create","tools":[{"type":"web_search"}]}').kind).toBe('create')
    expect(read('{"type":"response.create","tools":[{"type":"code_interpreter"}]}').kind).toBe('refused')
  })

  it('that only says that a response was read stays here, whatever else it says (I3)', () => {
    expect(read('{"type":"response.processed","response_id":"resp_1"}')).toEqual({ kind: 'ignored' })
    expect(read('{"input":[{"type":"x"}],"type":"response.processed"}')).toEqual({ kind: 'ignored' })
  })

  it('counts by its last type, as the provider reads it (I3)', () => {
    expect(read('{"type":"response.steer","type":"response.create"}').kind).toBe('create')
    expect(read('{"type":"response.create","type":"response.steer"}').kind).toBe('refused')
  })

  it.each([
    ['steers a response into another', '{"type":"response.steer","input":[]}'],
    ['asks for an answer in the background', '{"type":"response.create","background":true}'],
    ['is of a type that nobody knows', '{"type":"response.multiply"}'],
    ['has no type', '{"model":"m"}'],
    ['has two types to a server that does not look at case', '{"Type":"response.create","type":"response.processed"}'],
    ['generates to such a server', '{"type":"response.create","Generate":true,"generate":false}'],
    ['has a type that is no text', '{"type":["response.create"]}'],
    ['is a list', '[{"type":"response.create"}]'],
    ['is not whole', '{"type":"response.create","input":"'],
    ['is no JSON', 'response.create'],
    ['is empty', ''],
  ])('that %s is refused (I3)', (_, message) => {
    expect(read(message).kind).toBe('refused')
  })

  it('that is refused shows no more than the beginning of its type', () => {
    const reading = read(JSON.stringify({ type: `\u001b]52;${'x'.repeat(5_000)}` }))
    expect(reading.kind === 'refused' && reading.reason.length).toBeLessThan(160)
    expect(JSON.stringify(reading)).not.toContain('\u001b')
  })

  it('of any bytes is decided on without a crash, and never passes as a request (I3)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(readClientMessage(bytes, allowed).kind).toBe('refused')
      }),
    )
  })
})
