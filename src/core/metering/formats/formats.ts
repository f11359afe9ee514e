/** The wire formats by name. A new one is one file here and one line below. */
import type { WireFormat, WireFormatName } from '../format.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { openaiResponses } from './openai-responses.ts'

export const wireFormats: Readonly<Record<WireFormatName, WireFormat>> = {
  'anthropic-messages': anthropicMessages,
  'openai-responses': openaiResponses,
}
