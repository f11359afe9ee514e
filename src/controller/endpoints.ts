/** The endpoints of `api.ts`, one line each. */
import { BottleError } from '../core/errors.ts'
import { accuracyOf } from '../core/metering/estimator/accuracy.ts'
import type { Controller } from './controller.ts'
import {
  budgetChange,
  environmentAgain,
  exitReport,
  listQuery,
  parse,
  planRequest,
  restartRequest,
  restoreRequest,
  resumeRequest,
  snapshotTakeIn,
  startRequest,
  stopRequest,
  usageQuery,
} from './request-shapes.ts'

/** `leavesBottles`: for the next controller. */
export type StopController = (how: { readonly leavesBottles: boolean }) => void

export interface Call {
  readonly controller: Controller
  readonly stop: StopController
  readonly status: () => object
  /** The bottle in the path; '' where there is none. */
  readonly id: string
  readonly body: unknown
  readonly query: Readonly<Record<string, string>>
}

type Endpoint =
  | { readonly kind: 'call'; readonly method: string; readonly path: RegExp; run(call: Call): Promise<unknown> }
  | { readonly kind: 'stream'; readonly method: string; readonly path: RegExp }

const endpoints: readonly Endpoint[] = [
  call('GET', '/v1/status', async ({ status }) => status()),
  call('POST', '/v1/stop', async ({ controller, stop, body }) => {
    const { force, leavesBottles } = parse(stopRequest, body)
    const ending = leavesBottles ? controller.uncontainedIds : controller.livingIds
    if (ending.length > 0 && !force) throw livingBottles(ending, leavesBottles ? 'restart' : 'stop')
    stop({ leavesBottles })
  }),
  call('POST', '/v1/plans', async ({ controller, body }) => controller.plan(parse(planRequest, body))),
  call('POST', '/v1/bottles', async ({ controller, body }) => controller.start(parse(startRequest, body))),
  call('GET', '/v1/bottles', async ({ controller, query }) => controller.views({ all: query.all === '1' })),
  call('GET', '/v1/bottles/ID', async ({ controller, id }) => controller.view(id)),
  call('POST', '/v1/bottles/ID/environment', async ({ controller, id, body }) =>
    controller.renewEnvironment(id, parse(environmentAgain, body).hostEnvironment),
  ),
  call('POST', '/v1/bottles/ID/exit', async ({ controller, id, body }) =>
    controller.exited(id, parse(exitReport, body).exitCode),
  ),
  call('POST', '/v1/bottles/ID/restart', async ({ controller, id, body }) =>
    controller.restarting(id, parse(restartRequest, body)),
  ),
  call('POST', '/v1/bottles/ID/cutoff', async ({ controller, id }) => controller.cutoff(id)),
  call('POST', '/v1/bottles/ID/freeze', async ({ controller, id }) => controller.freeze(id)),
  call('GET', '/v1/bottles/ID/resume', async ({ controller, id }) => controller.resumePlan(id)),
  call('POST', '/v1/bottles/ID/resume', async ({ controller, id, body }) =>
    controller.resume(id, parse(resumeRequest, body)),
  ),
  call('GET', '/v1/bottles/ID/snapshot', async ({ controller, id }) => controller.snapshots.facts(id)),
  call('POST', '/v1/snapshots', async ({ controller, body }) =>
    controller.view(await controller.snapshots.takeIn(parse(snapshotTakeIn, body).folder)),
  ),
  call('POST', '/v1/bottles/ID/kill', async ({ controller, id }) => controller.kill(id)),
  call('POST', '/v1/bottles/ID/restore', async ({ controller, id, body }) =>
    controller.restore(id, parse(restoreRequest, body)),
  ),
  call('GET', '/v1/bottles/ID/budgets', async ({ controller, id }) => controller.explainBudgets(id)),
  call('GET', '/v1/bottles/ID/egress', async ({ controller, id }) => controller.egress(id)),
  call('GET', '/v1/bottles/ID/processes', async ({ controller, id }) => controller.processes(id)),
  call('GET', '/v1/bottles/ID/learned', async ({ controller, id }) => controller.learned(id)),
  call('GET', '/v1/denials', async ({ controller, query }) => {
    const { bottle, limit } = parse(listQuery, query)
    return controller.denials({ limit, ...(bottle !== undefined && { bottleId: bottle }) })
  }),
  call('GET', '/v1/budgets', async ({ controller }) => controller.budgets.list()),
  call('POST', '/v1/budgets', async ({ controller, body }) => controller.budgets.change(parse(budgetChange, body))),
  call('GET', '/v1/usage', async ({ controller, query }) => {
    const { by, each_model, each_bottle, since, until, bottle, limit } = parse(usageQuery, query)
    const rows = await controller.ledger.usage({
      by,
      eachModel: each_model === '1',
      eachBottle: each_bottle === '1',
      ...(since !== undefined && { sinceMs: since }),
      ...(until !== undefined && { untilMs: until }),
      ...(bottle !== undefined && { bottleId: bottle }),
      ...(limit !== undefined && { limit }),
    })
    return { by, rows }
  }),
  call('GET', '/v1/estimator', async ({ controller }) => controller.estimator.records().map(accuracyOf)),
  call('GET', '/v1/exchanges', async ({ controller, query }) => {
    const { bottle, limit } = parse(listQuery, query)
    return controller.ledger.events({ limit, ...(bottle !== undefined && { bottleId: bottle }) })
  }),
  call('GET', '/v1/counters', async ({ controller }) => controller.ledger.counters()),
  call('GET', '/v1/audit', async ({ controller, query }) => {
    const { bottle, limit } = parse(listQuery, query)
    return controller.ledger.audit({ limit, ...(bottle !== undefined && { bottleId: bottle }) })
  }),
  { kind: 'stream', method: 'GET', path: pattern('/v1/events') },
  { kind: 'stream', method: 'GET', path: pattern('/v1/bottles/ID/session') },
]

export function findEndpoint(
  method: string,
  path: string,
): { readonly endpoint: Endpoint; readonly id: string } | undefined {
  for (const endpoint of endpoints) {
    const found = endpoint.method === method ? endpoint.path.exec(path) : null
    if (found) return { endpoint, id: decodeURIComponent(found[1] ?? '') }
  }
  return undefined
}

function call(method: string, path: string, run: (call: Call) => Promise<unknown>): Endpoint {
  return { kind: 'call', method, path: pattern(path), run }
}

function pattern(path: string): RegExp {
  return new RegExp(`^${path.replace('ID', '([a-z0-9_-]+)')}$`)
}

function livingBottles(ids: readonly string[], command: 'restart' | 'stop'): BottleError {
  const which = command === 'restart' ? 'bottles that are not contained would end' : 'bottles are still running'
  return new BottleError('conflict', `${which}: ${ids.join(', ')}`, {
    hint: `End them first, or end them with it: bot-bottle controller ${command} --force`,
  })
}
