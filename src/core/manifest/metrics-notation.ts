/** `metrics`: where machines get figures from. Nothing of it is on unless it is written. */
import { foundInWords, quote } from './bounded-yaml.ts'
import { key, mapping, named, requiredKey } from './collection-notations.ts'
import { headerNameFault } from './http-notations.ts'
import { hostSecret } from './ledger-notation.ts'
import { converted, type Notation, wrong } from './notation.ts'
import { hostUrl } from './notify-notation.ts'
import { wholeNumber } from './scalar-notations.ts'

export interface Metrics {
  /** Where Prometheus' text is served: this host's loopback only. */
  readonly prometheus: { readonly host: string; readonly port: number } | null
  readonly otlp: Otlp | null
}

export interface Otlp {
  readonly endpoint: URL
  /** Names, and where the host keeps their values. */
  readonly headers: ReadonlyMap<string, string>
  readonly intervalSeconds: number
}

export const noMetrics: Metrics = { prometheus: null, otlp: null }

export function isMeasured({ prometheus, otlp }: Metrics): boolean {
  return prometheus !== null || otlp !== null
}

const defaultIntervalSeconds = 60

export const loopbackPort: Notation<{ readonly host: string; readonly port: number }> = {
  read(node, reading) {
    const written = node.kind === 'scalar' ? node.text : ''
    const [, host = '', digits = ''] = /^(127(?:\.(?:0|[1-9]\d{0,2})){3}|\[::1\]):([1-9]\d{0,4})$/.exec(written) ?? []
    const port = Number(digits)
    const isAddress = host.split('.').every((part) => !(Number(part) > 255))
    if (host !== '' && isAddress && port <= 65_535) return { host: host.replace(/^\[|\]$/g, ''), port }
    const expected = 'expected an address of this host alone with a port, such as 127.0.0.1:9464 or "[::1]:9464"'
    return wrong(node, reading, `${expected}, found ${foundInWords(node)}`)
  },
  print: ({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`,
  schema: { type: 'string', pattern: '^(127(\\.[0-9]{1,3}){3}|\\[::1\\]):[1-9][0-9]{0,4}$' },
}

const headers = named({
  value: () => hostSecret,
  name(written) {
    const why = headerNameFault(written)
    if (why === undefined) return { kind: 'name', name: written.toLowerCase() }
    return { kind: 'fault', why: `${quote(written)} ${why}` }
  },
  schema: { value: hostSecret.schema },
})

export const otlpKeys = {
  endpoint: requiredKey('https://…, or http://… to this host; /v1/metrics is appended. JSON over HTTP.', hostUrl),
  headers: key('Header → where its value is: env:BOT_BOTTLE_…, file:PATH, keyring:… or command:….', headers),
  interval: key('Seconds from one export to the next. Default: 60.', wholeNumber({ minimum: 5, maximum: 3_600 })),
}

export const metricsKeys = {
  prometheus: key('Where Prometheus may read: a loopback address and a port, such as 127.0.0.1:9464.', loopbackPort),
  otlp: key('A collector that metrics are sent to.', mapping(otlpKeys)),
}

export const metricsNotation = converted(mapping(metricsKeys), {
  from: ({ prometheus = null, otlp }): Metrics => ({
    prometheus,
    otlp: otlp
      ? {
          endpoint: otlp.endpoint,
          headers: otlp.headers ?? new Map(),
          intervalSeconds: otlp.interval ?? defaultIntervalSeconds,
        }
      : null,
  }),
  to: ({ prometheus, otlp }) => ({
    ...(prometheus && { prometheus }),
    ...(otlp && {
      otlp: { endpoint: otlp.endpoint, headers: otlp.headers, interval: otlp.intervalSeconds },
    }),
  }),
})
