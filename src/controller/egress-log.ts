/**
 * What `egress.log` of a bottle asks for, as lines of its log: 1 for refused requests, 2 for all. What it learns is written at
 * every level, since nothing else keeps it. `docs/json.md` has the shape.
 */
import type { EgressLog } from '../core/manifest/definition.ts'
import type { LineLog } from '../host/line-log.ts'
import type { EgressEvents } from '../proxy/egress.ts'

/** Of a path, or what a CONNECT has for a host. What longer ones tell is at their beginning. */
const maxShownCharacters = 1024

interface LoggedEventsOptions {
  readonly log: LineLog
  readonly level: EgressLog
  /** The bottle passes what no route allows. */
  readonly learns: boolean
  readonly nowMs: () => number
}

/** The same events, told to the log as well. */
export function loggedEvents(events: EgressEvents, { log, level, learns, nowMs }: LoggedEventsOptions): EgressEvents {
  const write = <Line extends { readonly host: string; readonly path: string }>(line: Line) =>
    log.write({ atMs: nowMs(), ...line, host: shown(line.host), path: shown(line.path) })
  const denied: EgressEvents['denied'] = (denial) => {
    write({ verdict: 'refused', ...denial })
    events.denied(denial)
  }
  const passed: EgressEvents['passed'] = (request) => {
    if (level === 2 || request.verdict === 'learned') write(request)
  }
  return { ...events, ...(level > 0 && { denied }), ...((level === 2 || learns) && { passed }) }
}

function shown(text: string): string {
  return text.slice(0, maxShownCharacters)
}
