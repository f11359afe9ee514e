/** What is usual at a host that speaks a wire format; an own provider has these unless it lists its endpoints. */
import type { WireFormatName } from '../metering/format.ts'
import type { Endpoint } from './provider.ts'

const models: readonly Endpoint[] = [
  { method: 'GET', path: '/v1/models', kind: 'free' },
  { method: 'GET', path: '/v1/models/**', kind: 'free' },
]

export const standardEndpoints: Readonly<Record<WireFormatName, readonly Endpoint[]>> = {
  'anthropic-messages': [
    { method: 'POST', path: '/v1/messages', kind: 'metered', format: 'anthropic-messages' },
    { method: 'POST', path: '/v1/messages/count_tokens', kind: 'free' },
    ...models,
  ],
  'openai-responses': [
    { method: 'POST', path: '/v1/responses', kind: 'metered', format: 'openai-responses' },
    { method: 'POST', path: '/v1/responses/input_tokens', kind: 'free' },
    ...models,
  ],
}
