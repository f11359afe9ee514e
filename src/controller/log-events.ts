/** The controller's events as lines of its log. What flows is told at `debug` only. */
import { warningInWords } from '../core/budget/wording.ts'
import type { LogLevel } from '../core/log-level.ts'
import type { Log, LogFields } from '../host/log.ts'
import type { ControllerEvent } from './api.ts'
import type { EventBus } from './event-bus.ts'

export function logEvents(bus: EventBus, log: Log): Disposable {
  return bus.subscribe((event) => {
    const line = lineOf(event)
    if (line) log[line.level](line.msg, { event: event.kind, ...line.fields })
  })
}

interface EventLine {
  readonly level: LogLevel
  readonly msg: string
  readonly fields?: LogFields
}

function lineOf(event: ControllerEvent): EventLine | undefined {
  switch (event.kind) {
    case 'bottle': {
      const { id: bottle, state, agent, policy } = event.bottle
      return { level: 'info', msg: `bottle ${bottle} is ${state}`, fields: { bottle, state, agent, policy } }
    }
    case 'warning': {
      const { bottleId: bottle, thresholdPercent, counter } = event
      const { scope, provider } = counter
      const msg = warningInWords(counter, thresholdPercent)
      return { level: 'warn', msg, fields: { bottle, scope, provider, thresholdPercent } }
    }
    case 'enforcement': {
      const { bottleId: bottle, action, trigger, phase, reason, detail } = event
      const told = {
        intent: `${action} begins: ${reason}`,
        done: `${action} is done: ${detail}`,
        failed: `${action} failed: ${detail}`,
      }
      return { level: enforcementLevel(event), msg: told[phase], fields: { bottle, action, trigger, phase } }
    }
    case 'limit': {
      const { bottleId: bottle, limit, detail } = event
      return { level: 'warn', msg: `${bottle} exceeded its ${limit}; ${detail}`, fields: { bottle, limit } }
    }
    case 'denied': {
      const { bottleId: bottle, method, host, path, status, code, reason } = event
      return { level: 'debug', msg: `refused: ${reason}`, fields: { bottle, method, host, path, status, code } }
    }
    case 'exchange_started': {
      const { bottleId: bottle, attemptId, provider, model, holdTokens } = event
      return { level: 'debug', msg: 'an exchange began', fields: { bottle, attemptId, provider, model, holdTokens } }
    }
    case 'exchange_settled': {
      const { bottleId: bottle, attemptId, provider, model, chargeTokens, source, ending, startedAtMs, atMs } = event
      const fields = { bottle, attemptId, provider, model, chargeTokens, source, ending, tookMs: atMs - startedAtMs }
      return { level: 'debug', msg: 'an exchange ended', fields }
    }
    case 'limits_changed':
      return { level: 'debug', msg: 'budgets were changed' }
    default:
      return undefined
  }
}

function enforcementLevel({ phase, trigger }: Extract<ControllerEvent, { kind: 'enforcement' }>): LogLevel {
  if (phase === 'failed') return 'error'
  return trigger === 'operator' ? 'info' : 'warn'
}
