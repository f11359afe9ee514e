import type { RequestReading } from './format.ts'

/** What the provider may run for a request. */
export interface AllowedTools {
  readonly providerTools: readonly string[]
}

/** Why a request cannot be metered (I3), as a part of a sentence; `undefined` when it can. */
export function meteringFault(
  reading: RequestReading | undefined,
  { providerTools }: AllowedTools,
): string | undefined {
  if (!reading) return 'this endpoint is metered, and the body is not the JSON object that it takes'
  if (reading.background) return 'background responses are answered out of sight of the meter'
  if (reading.unmeteredForm !== undefined)
    return `the query ${reading.unmeteredForm} may ask for an answer that the meter does not read`
  const refused = reading.providerTools.filter((tool) => !providerTools.includes(tool))
  if (refused.length === 0) return undefined
  const tools = refused.map((tool) => `"${tool}"`).join(', ')
  return `${tools} would be run by the provider, out of reach of the routes and the meter; "provider_tools" on a route to this host allows it`
}
