/** What `doctor` says of `metrics`: whether Prometheus could read, and whether the headers of an export are there. Nothing is sent. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { messageOf } from '../../core/errors.ts'
import { loopbackPort, type Metrics } from '../../core/manifest/metrics-notation.ts'
import type { Finding } from '../../sandbox/sandbox.ts'
import { metricsUrl, otlpHeaders } from './otlp-exporter.ts'

type Environment = Readonly<Record<string, string | undefined>>

export async function examineMetrics(
  { prometheus, otlp }: Metrics,
  environment: Environment,
): Promise<readonly Finding[]> {
  return [
    ...(prometheus ? [await examinePort(prometheus)] : []),
    ...(otlp ? [await examineOtlp(otlp, environment)] : []),
  ]
}

async function examinePort(address: NonNullable<Metrics['prometheus']>): Promise<Finding> {
  const socket = connect(address)
  const isTaken = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  const state = isTaken ? 'somebody listens' : 'nobody listens: it is read when a controller starts'
  return { subject: 'metrics.prometheus', ok: true, found: `${String(loopbackPort.print(address))}, ${state}` }
}

async function examineOtlp(
  { endpoint, headers }: NonNullable<Metrics['otlp']>,
  environment: Environment,
): Promise<Finding> {
  const subject = 'metrics.otlp'
  try {
    await otlpHeaders(headers, environment)()
    return { subject, ok: true, found: metricsUrl(endpoint).origin }
  } catch (error) {
    return { subject, ok: false, found: messageOf(error), hint: 'The controller reads it in its own environment.' }
  }
}
