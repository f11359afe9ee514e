/** What an event of the provider says about the course of a response, beside what its meter reads. */
import { isTerminalType } from '../formats/openai-responses.ts'
import { compileJsonPaths } from '../json-paths.ts'
import { JsonScanner } from '../json-scanner.ts'

export interface ServerEvent {
  readonly type: string | undefined
  /** No event of that response follows. */
  readonly isTerminal: boolean
  /** Of an `error` event: what an answer in HTTP would have had. */
  readonly status: number | undefined
}

const paths = compileJsonPaths({ capture: ['type', 'status'] })

export function readServerEvent(message: Uint8Array): ServerEvent {
  const scanner = new JsonScanner(paths)
  scanner.feed(message)
  const type = scanner.value('type')
  const status = scanner.value('status')
  return {
    type: typeof type === 'string' ? type : undefined,
    isTerminal: isTerminalType(type),
    status: typeof status === 'number' ? status : undefined,
  }
}
