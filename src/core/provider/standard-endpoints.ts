/**
 * What is usual at a host that speaks a wire format. The built-in providers have these and what is their own; an own provider
 * has them unless it lists its endpoints.
 */
import type { WireFormatName } from '../metering/format.ts'
import type { Endpoint } from './provider.ts'

const models: readonly Endpoint[] = [
  { method: 'GET', path: '/v1/models', kind: 'free' },
  { method: 'GET', path: '/v1/models/**', kind: 'free' },
]

const geminiVersions = ['v1beta', 'v1', 'v1alpha']

export const standardEndpoints: Readonly<Record<WireFormatName, readonly Endpoint[]>> = {
  'anthropic-messages': [
    { method: 'POST', path: '/v1/messages', kind: 'metered', format: 'anthropic-messages' },
    { method: 'POST', path: '/v1/messages/count_tokens', kind: 'free' },
    ...models,
  ],
  'openai-responses': [
    { method: 'POST', path: '/v1/responses', kind: 'metered', format: 'openai-responses' },
    { method: 'GET', path: '/v1/responses', kind: 'metered', format: 'openai-responses', transport: 'websocket' },
    { method: 'POST', path: '/v1/responses/compact', kind: 'metered', format: 'openai-responses' },
    { method: 'POST', path: '/v1/responses/input_tokens', kind: 'free' },
    ...models,
  ],
  'openai-chat': [
    { method: 'POST', path: '/v1/chat/completions', kind: 'metered', format: 'openai-chat' },
    { method: 'POST', path: '/v1/completions', kind: 'metered', format: 'openai-chat' },
    ...models,
  ],
  'openai-embeddings': [
    { method: 'POST', path: '/v1/embeddings', kind: 'metered', format: 'openai-embeddings' },
    ...models,
  ],
  gemini: geminiVersions.flatMap((version): Endpoint[] => [
    { method: 'POST', path: `/${version}/models/*:generateContent`, kind: 'metered', format: 'gemini' },
    { method: 'POST', path: `/${version}/models/*:streamGenerateContent`, kind: 'metered', format: 'gemini' },
    { method: 'POST', path: `/${version}/models/*:countTokens`, kind: 'free' },
    { method: 'GET', path: `/${version}/models`, kind: 'free' },
    { method: 'GET', path: `/${version}/models/*`, kind: 'free' },
  ]),
}

/** Those of several formats at one host, each once. */
export function endpointsOf(...formats: readonly WireFormatName[]): readonly Endpoint[] {
  return [...new Set(formats.flatMap((format) => standardEndpoints[format]))]
}
