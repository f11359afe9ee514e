/** What `egress.log` of a bottle asks for, as lines of its log: 1 for refused requests, 2 for all. `docs/json.md` has the shape. */
import type { EgressLog } from '../core/manifest/definition.ts'
import type { LineLog } from '../host/line-log.ts'
import type { EgressEvents } from '../proxy/egress.ts'

/** Of a path, or what a CONNECT has for a host. What longer ones tell is at their beginning. */
const maxShownCharacters = 1024

/** The same events, told to the log as well. */
export function loggedEvents(
  events: EgressEvents,
  { log, level, nowMs }: { readonly log: LineLog; readonly level: EgressLog; readonly nowMs: () => number },
): EgressEvents {
  if (level === 0) return events
  const write = <Line extends { readonly host: string; readonly path: string }>(line: Line) =>
    log.write({ atMs: nowMs(), ...line, host: shown(line.host), path: shown(line.path) })
  return {
    ...events,
    denied(denial) {
      write({ verdict: 'refused', ...denial })
      events.denied(denial)
    },
    ...(level === 2 && { passed: write }),
  }
}

function shown(text: string): string {
  return text.slice(0, maxShownCharacters)
}
