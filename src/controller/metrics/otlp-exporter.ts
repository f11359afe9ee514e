/**
 * Sends metrics to an OTLP collector, one export at a time. Sums are cumulative, so one that fails loses nothing: the next is its
 * repetition. The last is sent when the controller ends, and waited for briefly.
 */
import { messageOf } from '../../core/errors.ts'
import { readSecretSource } from '../../core/routing/secret-source.ts'
import { readSecret } from '../../host/secrets/credential.ts'
import { postJson } from '../post-json.ts'

export interface OtlpExporterOptions {
  readonly endpoint: URL
  /** Names, and where the host keeps their values. */
  readonly headers: ReadonlyMap<string, string>
  readonly intervalMs: number
  readonly extraCa: string | null
  /** Of the controller. */
  readonly environment: Readonly<Record<string, string | undefined>>
  body(): Promise<object>
  /** One sentence for the operator. */
  onNotice(sentence: string): void
}

export const otlpLimits = {
  exportMs: 10_000,
  /** When the controller ends. */
  lastExportMs: 2_000,
}

export function openOtlpExporter(options: OtlpExporterOptions): AsyncDisposable {
  const { endpoint, headers, intervalMs, extraCa, environment, body, onNotice } = options
  const url = metricsUrl(endpoint)
  let hasFailed = false
  let running: Promise<void> | undefined

  const send = async (signal: AbortSignal) => {
    try {
      const read = [...headers].map(
        async ([name, source]) => [name, await headerValue(name, source, environment)] as const,
      )
      const text = JSON.stringify(await body())
      const status = await postJson({
        url,
        body: text,
        headers: Object.fromEntries(await Promise.all(read)),
        extraCa,
        signal,
      })
      if (status < 200 || status > 299) throw new Error(`${url.origin} answered ${status}`)
      if (hasFailed) onNotice(`metrics reach ${url.origin} again`)
      hasFailed = false
    } catch (error) {
      // Told once: a collector that is away is away for many intervals.
      if (!hasFailed) onNotice(`metrics could not be exported: ${messageOf(error)}`)
      hasFailed = true
    }
  }
  const exportOnce = (timeoutMs: number) => {
    running ??= send(AbortSignal.timeout(timeoutMs)).finally(() => {
      running = undefined
    })
    return running
  }
  const timer = setInterval(() => void exportOnce(otlpLimits.exportMs), intervalMs).unref()
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await (running ?? exportOnce(otlpLimits.lastExportMs))
    },
  }
}

/** As OTEL_EXPORTER_OTLP_ENDPOINT is meant: the signal's path comes behind it. */
export function metricsUrl(endpoint: URL): URL {
  const url = new URL(endpoint)
  url.pathname = `${url.pathname.replace(/\/$/, '')}/v1/metrics`
  return url
}

async function headerValue(
  name: string,
  written: string,
  environment: OtlpExporterOptions['environment'],
): Promise<string> {
  const source = readSecretSource(written)
  if (source.kind === 'invalid') throw new Error(`the source of the header ${name} ${source.why}`)
  const value = (await readSecret(source, environment)).trim()
  // Safety: the value itself is never told.
  if (!/^[\x20-\x7e]+$/.test(value)) throw new Error(`the header ${name} has a character that no HTTP header may have`)
  return value
}
