/**
 * Reads what the proxy must know out of a request body, without parsing the body. It is read as the provider will read it:
 * escaped keys are decoded, the last of two equal keys counts. What cannot be read is not guessed: the body reads as
 * `undefined`, and the request is refused.
 */
import type { RequestReading } from './format.ts'
import { compileJsonPaths, type JsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { isTokenCount } from './usage.ts'

export interface RequestShape {
  readonly paths: JsonPaths
  readonly maxOutputKey: string
}

const keys = ['model', 'stream', 'background']

export function compileRequestShape(maxOutputKey: string): RequestShape {
  return { paths: compileJsonPaths({ capture: [...keys, maxOutputKey] }), maxOutputKey }
}

export function readRequest(
  { paths, maxOutputKey }: RequestShape,
  body: readonly Uint8Array[],
): RequestReading | undefined {
  const scanner = new JsonScanner(paths)
  for (const chunk of body) scanner.feed(chunk)
  if (scanner.state !== 'closed' || !scanner.isObject) return undefined
  if ([...keys, maxOutputKey].some((key) => scanner.isUnreadable(key))) return undefined
  const model = scanner.value('model')
  const maxOutputTokens = scanner.value(maxOutputKey)
  return {
    model: typeof model === 'string' ? model : undefined,
    maxOutputTokens: isTokenCount(maxOutputTokens) ? maxOutputTokens : undefined,
    stream: asks(scanner.value('stream')),
    background: asks(scanner.value('background')),
  }
}

/** Anything but an explicit false or null asks for it: a provider may be lenient about `1` or `"true"`. */
function asks(value: unknown): boolean {
  return value !== undefined && value !== false
}
