import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claude } from '../provider/claude.ts'
import { codex } from '../provider/codex.ts'
import { builtInProviders } from '../provider/providers.ts'
import { decide, hostOwner } from './decide.ts'

const anthropic = 'api.anthropic.com'
const openai = 'api.openai.com'
const google = 'generativelanguage.googleapis.com'

describe('decide', () => {
  it.each([
    [anthropic, 'POST', '/v1/messages', 'metered', 'claude'],
    [anthropic, 'POST', '/v1/messages/count_tokens', 'free', 'claude'],
    [anthropic, 'GET', '/v1/models', 'free', 'claude'],
    [anthropic, 'GET', '/v1/models/claude-opus-4-8', 'free', 'claude'],
    [anthropic, 'HEAD', '/api/hello', 'free', 'claude'],
    [openai, 'POST', '/v1/responses', 'metered', 'codex'],
    [openai, 'POST', '/v1/responses/compact', 'metered', 'codex'],
    [openai, 'POST', '/v1/responses/input_tokens', 'free', 'codex'],
    [openai, 'POST', '/v1/embeddings', 'metered', 'codex'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:generateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:streamGenerateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1/models/gemini-2.5-pro:generateContent', 'metered', 'gemini'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:countTokens', 'free', 'gemini'],
    [google, 'GET', '/v1beta/models', 'free', 'gemini'],
    [google, 'GET', '/v1beta/models/gemini-2.5-pro', 'free', 'gemini'],
  ])('%s %s %s is %s', (host, method, path, kind, provider) => {
    expect(decide(builtInProviders, { host, method, path })).toMatchObject({ kind, provider: { name: provider } })
  })

  it.each([
    [anthropic, 'POST', '/v1/messages/batches'],
    [anthropic, 'POST', '/v1/complete'],
    [anthropic, 'POST', '/v1/files'],
    [anthropic, 'GET', '/v1/messages'],
    [anthropic, 'POST', '/v1/messages/'],
    [anthropic, 'POST', '/V1/MESSAGES'],
    [anthropic, 'post', '/v1/messages'],
    [anthropic, 'POST', '/v1/models'],
    [anthropic, 'POST', '/v1/responses'],
    [openai, 'POST', '/v1/chat/completions'],
    [openai, 'POST', '/v1/images/generations'],
    [openai, 'POST', '/v1/audio/speech'],
    [openai, 'POST', '/v1/completions'],
    [openai, 'POST', '/v1/batches'],
    [openai, 'POST', '/v1/files'],
    [openai, 'GET', '/v1/responses/resp_1'],
    [openai, 'POST', '/v1/messages'],
    [openai, 'GET', '/v1/modelsx'],
    [openai, 'POST', '/v1/responses/resp_1/cancel'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:batchGenerateContent'],
    [google, 'POST', '/v1beta/models/gemini-embedding-001:embedContent'],
    [google, 'POST', '/v1beta/models/gemini-2.5-pro:generateContent:'],
    [google, 'POST', '/v1beta/models/a/b:generateContent'],
    [google, 'POST', '/v1beta/models/:generateContent'],
    [google, 'POST', '/v1beta/tunedModels/x:generateContent'],
    [google, 'POST', '/v1beta/cachedContents'],
    [google, 'POST', '/upload/v1beta/files'],
    [google, 'POST', '/v1beta/interactions'],
  ])('refuses %s %s %s: an unlisted path is never free (I3, M21)', (host, method, path) => {
    expect(decide(builtInProviders, { host, method, path })).toMatchObject({
      kind: 'refused',
      code: 'endpoint_not_allowed',
    })
  })

  it('refuses the hosts of providers that the bottle does not have', () => {
    const line = { host: openai, method: 'POST', path: '/v1/responses' }
    expect(decide([claude], line)).toMatchObject({ kind: 'refused', code: 'host_not_allowed' })
    expect(decide([codex], line).kind).toBe('metered')
    expect(decide([], line)).toMatchObject({ kind: 'refused', code: 'host_not_allowed' })
  })

  it('allows a host only in its exact canonical spelling (H03)', () => {
    const spelling = fc.oneof(
      fc.domain(),
      fc.constantFrom(
        `evil-${anthropic}`,
        `${anthropic}.evil.test`,
        `x.${anthropic}`,
        `${anthropic}.`,
        'anthropic.com',
      ),
      fc.mixedCase(fc.constant(anthropic)),
    )
    fc.assert(
      fc.property(spelling, (host) => {
        expect(hostOwner(builtInProviders, host) !== undefined).toBe([anthropic, openai, google].includes(host))
      }),
    )
  })
})
