/**
 * Reads what the proxy must know out of a request body, without parsing the body. It is read as the provider will read it:
 * escaped keys are decoded, the last of two equal keys counts. What cannot be read is not guessed: the body reads as
 * `undefined`, and the request is refused.
 */
import type { RequestReading } from './format.ts'
import { compileJsonPaths, type JsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { isHarmless, maxProviderTools, type ToolPlace, toolName } from './provider-tools.ts'
import { isTokenCount } from './usage.ts'

export interface RequestShape {
  readonly paths: JsonPaths
  /** Where the ceiling of the output may stand. */
  readonly maxOutputPaths: readonly string[]
  readonly toolPlaces: ReadonlyMap<string, ToolPlace>
}

interface RequestWords {
  readonly maxOutput: readonly string[]
  /** Where a request says what the provider shall run itself. */
  readonly tools: readonly ToolPlace[]
}

const keys = ['model', 'stream', 'background']

export function compileRequestShape({ maxOutput, tools }: RequestWords): RequestShape {
  return {
    paths: compileJsonPaths({ capture: [...keys, ...maxOutput], watch: tools.map(({ at }) => at) }),
    maxOutputPaths: maxOutput,
    toolPlaces: new Map(tools.map((place) => [place.at, place])),
  }
}

export function readRequest(
  { paths, maxOutputPaths, toolPlaces }: RequestShape,
  body: readonly Uint8Array[],
): RequestReading | undefined {
  const tools = new Set<string>()
  const scanner = new JsonScanner(paths, (path, text) => {
    const place = toolPlaces.get(path)
    if (place && !isHarmless(place, text) && tools.size <= maxProviderTools) tools.add(toolName(place, text))
  })
  for (const chunk of body) scanner.feed(chunk)
  if (scanner.state !== 'closed' || !scanner.isObject) return undefined
  if ([...paths.slotOf.keys()].some((path) => scanner.isUnreadable(path))) return undefined
  if (tools.size > maxProviderTools) return undefined
  const model = scanner.value('model')
  const ceilings = maxOutputPaths.map((path) => scanner.value(path)).filter(isTokenCount)
  return {
    model: typeof model === 'string' ? model : undefined,
    maxOutputTokens: ceilings.length === 0 ? undefined : Math.max(...ceilings),
    stream: asks(scanner.value('stream')),
    background: asks(scanner.value('background')),
    providerTools: [...tools],
  }
}

/** Anything but an explicit false or null asks for it: a provider may be lenient about `1` or `"true"`. */
function asks(value: unknown): boolean {
  return value !== undefined && value !== false
}
