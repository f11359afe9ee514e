/**
 * Reads what the proxy must know out of a request body, without parsing the body. It is read as the provider will read it:
 * escaped keys are decoded, the last of two equal keys counts. What cannot be read is not guessed: the body reads as
 * `undefined`, and the request is refused.
 */
import type { RequestReading } from './format.ts'
import { compileJsonPaths, type JsonPaths } from './json-paths.ts'
import { JsonScanner } from './json-scanner.ts'
import { openingBracket, quote } from './json-syntax.ts'
import type { OnWatched } from './json-watch.ts'
import { isHarmless, maxProviderTools, type ToolPlace, toolName } from './provider-tools.ts'
import { isTokenCount, maxTokenCount } from './usage.ts'

export interface RequestShape {
  readonly paths: JsonPaths
  /** Where the ceiling of an answer may stand. */
  readonly maxOutputPaths: readonly string[]
  /** Where it may stand how many answers are asked for. */
  readonly answerCountPaths: readonly string[]
  /** The list of what is answered one by one, with `[]` at its end; '' where there is none. */
  readonly promptsPath: string
  readonly toolPlaces: ReadonlyMap<string, ToolPlace>
}

interface RequestWords {
  readonly maxOutput: readonly string[]
  readonly answerCount?: readonly string[]
  readonly prompts?: string
  /** Where a request says what the provider shall run itself. */
  readonly tools: readonly ToolPlace[]
}

const keys = ['model', 'stream', 'background', 'previous_response_id']

export function compileRequestShape({ maxOutput, answerCount = [], prompts = '', tools }: RequestWords): RequestShape {
  const watch = [...tools.map(({ at }) => at), ...(prompts === '' ? [] : [prompts])]
  return {
    paths: compileJsonPaths({ capture: [...keys, ...maxOutput, ...answerCount], watch }),
    maxOutputPaths: maxOutput,
    answerCountPaths: answerCount,
    promptsPath: prompts,
    toolPlaces: new Map(tools.map((place) => [place.at, place])),
  }
}

export function readRequest(
  { paths, maxOutputPaths, answerCountPaths, promptsPath, toolPlaces }: RequestShape,
  body: readonly Uint8Array[],
): RequestReading | undefined {
  const tools = new Set<string>()
  let promptCount = 0
  const onWatched: OnWatched = (path, text, kind) => {
    // A list of numbers is one prompt, by its tokens.
    if (path === promptsPath && (kind === quote || kind === openingBracket)) promptCount += 1
    const place = toolPlaces.get(path)
    if (place && !isHarmless(place, text) && tools.size <= maxProviderTools) tools.add(toolName(place, text))
  }
  const scanner = new JsonScanner(paths, { isStrict: true, onWatched })
  for (const chunk of body) scanner.feed(chunk)
  if (scanner.state !== 'closed' || !scanner.isObject) return undefined
  if ([...paths.slotOf.keys()].some((path) => scanner.isUnreadable(path))) return undefined
  if (tools.size > maxProviderTools) return undefined
  const model = scanner.value('model')
  const countsAt = (places: readonly string[]) => places.map((path) => scanner.value(path)).filter(isTokenCount)
  const ceilings = countsAt(maxOutputPaths)
  const answerCount = Math.min(maxTokenCount, Math.max(1, ...countsAt(answerCountPaths)) * Math.max(1, promptCount))
  const stream = scanner.value('stream') ?? false
  if (typeof stream !== 'boolean') return undefined
  const previous = scanner.value('previous_response_id')
  return {
    model: typeof model === 'string' ? model : undefined,
    maxOutputTokens: ceilings.length === 0 ? undefined : Math.min(maxTokenCount, Math.max(...ceilings) * answerCount),
    answerCount,
    previousResponseId: typeof previous === 'string' ? previous : undefined,
    stream,
    background: asks(scanner.value('background')),
    providerTools: [...tools],
  }
}

/** Anything but an explicit false or null asks for it: a provider may be lenient about `1` or `"true"`. */
function asks(value: unknown): boolean {
  return value !== undefined && value !== false
}
