/**
 * Sends metrics to an OTLP collector, one export at a time. Sums are cumulative, so one that fails loses nothing: the next is its
 * repetition. The last is sent when the controller ends, and waited for briefly.
 */
import { messageOf } from '../../core/errors.ts'
import type { Otlp } from '../../core/manifest/metrics-notation.ts'
import { createCredential } from '../../host/secrets/credential.ts'
import { postJson } from '../post-json.ts'

export interface OtlpExporterOptions extends Pick<Otlp, 'endpoint' | 'headers'> {
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
  const readHeaders = otlpHeaders(headers, environment)
  let hasFailed = false
  let running: Promise<void> | undefined

  const send = async (signal: AbortSignal) => {
    try {
      const text = JSON.stringify(await body())
      const status = await postJson({ url, body: text, headers: await readHeaders(), extraCa, signal })
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

/** Reads the values of the headers, each from where the host keeps it. Throws or rejects with BottleError `credential_missing`. */
export function otlpHeaders(
  headers: Otlp['headers'],
  environment: OtlpExporterOptions['environment'],
): () => Promise<Readonly<Record<string, string>>> {
  const credentials = [...headers].map(([name, source]) => {
    const scheme = { kind: 'header', name } as const
    const subject = `the header ${name} of metrics.otlp`
    return [name, createCredential({ subject, scheme, sources: [source], environment, nowMs: Date.now })] as const
  })
  return async () => {
    const values = credentials.map(async ([name, credential]) => [name, await credential.read()] as const)
    return Object.fromEntries(await Promise.all(values))
  }
}
