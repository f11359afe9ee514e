/**
 * Tools that the provider runs itself and what it fetches by itself: web search, hosted code, remote MCP servers, images by
 * URL. Their cost is not in the tokens alone, and what they reach is not held by the bottle's routes.
 * **Invariant** (I3) A format lists what clients run; whatever else is asked for counts as the provider's.
 */
export interface ToolPlace {
  /** A watched path of the request, see `json-paths.ts`. */
  readonly at: string
  /** What may stand there: clients run it, or it reaches nothing. `*` at the end stands for any rest. */
  readonly harmless: readonly string[]
  /** What else stands there is told by this name; without it by its own. */
  readonly name?: string
}

/** Of the provider's fetching, on behalf of the request, what a URL leads to. */
export const urlSource = 'url_source'

/** More different ones than any request needs. */
export const maxProviderTools = 32

export function isHarmless({ harmless }: ToolPlace, text: string): boolean {
  return harmless.some((pattern) => (pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern))
}

/** How a tool is called in refusals and settings: one spelling, without the date of its version. */
export function toolName({ name }: ToolPlace, text: string): string {
  if (name !== undefined) return name
  return text
    .replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    .replace(/_\d{4}_?\d{2}_?\d{2}$/, '')
    .replace(/[^\w.:-]/g, '?')
}
