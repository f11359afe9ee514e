/**
 * What a message of a client asks for on a WebSocket of the Responses API.
 * **Invariant** (I3) Nothing but requests that can be metered goes to the provider.
 * https://developers.openai.com/api/docs/guides/websocket-mode
 */
import type { RequestReading } from '../format.ts'
import { openaiResponses } from '../formats/openai-responses.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { JsonScanner } from '../json-scanner.ts'
import { type AllowedTools, meteringFault } from '../metering-fault.ts'

export type ClientMessage =
  | {
      readonly kind: 'create'
      readonly reading: RequestReading
      /** Asks for no answer: the provider gets ready for the request that follows. What it counts may not be the prompt. */
      readonly isPrewarm: boolean
    }
  /** Asks for nothing, and no answer is expected: it stays here. */
  | { readonly kind: 'ignored' }
  | { readonly kind: 'refused'; readonly reason: string }

const paths = compileJsonPaths({ capture: ['type', 'generate'] })
/** Codex says so that it has read a response. Passed on, its error could be taken for that of a request. */
const ignoredType = 'response.processed'
const maxShownCharacters = 40

/** `allowed`: what the provider may run itself. */
export function readClientMessage(message: Uint8Array, allowed: AllowedTools): ClientMessage {
  const scanner = new JsonScanner(paths, { isStrict: true })
  scanner.feed(message)
  const type = scanner.value('type')
  if (scanner.state !== 'closed' || !scanner.isObject || typeof type !== 'string') {
    return { kind: 'refused', reason: 'this WebSocket is metered, and the message is not a JSON object with a type' }
  }
  if (type === ignoredType) return { kind: 'ignored' }
  if (type !== 'response.create') {
    const shown = JSON.stringify(type.slice(0, maxShownCharacters))
    return { kind: 'refused', reason: `messages of type ${shown} are not metered here, so they do not pass` }
  }
  const reading = openaiResponses.readRequest([message], '')
  const fault = meteringFault(reading, allowed)
  if (!reading || fault) return { kind: 'refused', reason: fault ?? 'it cannot be read' }
  return {
    kind: 'create',
    reading,
    isPrewarm: scanner.value('generate') === false,
  }
}
