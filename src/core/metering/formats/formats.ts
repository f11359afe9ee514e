/** The wire formats by name. A new one is one file here and one line below. */
import type { WireFormat, WireFormatName } from '../format.ts'
import { anthropicMessages } from './anthropic-messages.ts'
import { gemini } from './gemini.ts'
import { openaiChat } from './openai-chat.ts'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { openaiResponses } from './openai-responses.ts'

export const wireFormats: Readonly<Record<WireFormatName, WireFormat>> = {
  'anthropic-messages': anthropicMessages,
  'openai-chat': openaiChat,
  'openai-embeddings': openaiEmbeddings,
  'openai-responses': openaiResponses,
  gemini,
}
