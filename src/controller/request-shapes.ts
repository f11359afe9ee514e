/** What clients send, parsed once at the edge; inside, the types of `api.ts` are trusted. */
import { z } from 'zod'
import { periods } from '../core/budget/period.ts'
import { BottleError } from '../core/errors.ts'
import { usageGroupings } from '../ledger/ledger.ts'

const name = z.string().min(1).max(64)
const absolutePath = z.string().startsWith('/').max(4096)
const environment = z.record(z.string(), z.string())
const timeoutMs = z
  .int()
  .positive()
  .max(366 * 24 * 3_600_000)
const budgets = z.array(z.object({ provider: name, limitTokens: z.int().nonnegative() })).max(64)
const workspace = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('direct'), path: absolutePath }),
  z.object({ kind: z.literal('layer'), path: absolutePath }),
  z.object({ kind: z.literal('copy'), path: absolutePath }),
  z.object({ kind: z.literal('none') }),
])

/** Whether there is such a definition is for whoever looks it up to say. */
const definitionName = z.string().max(4096)
const planShape = {
  agent: definitionName.nullable(),
  definitions: z.array(definitionName).max(200),
  projectPath: absolutePath.nullable(),
}

export const planRequest = z.object(planShape)

export const startRequest = z.object({
  ...planShape,
  command: z.tuple([absolutePath], z.string()),
  workspace,
  readOnlyPaths: z.array(absolutePath).max(64),
  budgets,
  policy: z.enum(['cutoff', 'freeze', 'kill']).nullable(),
  sandbox: z.enum(['bubblewrap', 'none']),
  learn: z.boolean().default(false),
  detached: z.boolean().default(false),
  timeoutMs: timeoutMs.optional(),
  hostEnvironment: environment,
  env: environment,
  terminalEnvironment: environment,
})

export const restartRequest = z.object({ exitCode: z.int().min(0).max(255), restarts: z.int().positive() })
export const exitReport = z.object({ exitCode: z.int().min(0).max(255) })
export const resumeRequest = z.object({
  command: z.tuple([absolutePath], z.string()),
  budgets,
  detached: z.boolean().default(false),
  timeoutMs: timeoutMs.optional(),
  hostEnvironment: environment,
  terminalEnvironment: environment,
})
export const snapshotTakeIn = z.object({ folder: z.string().regex(/^\.importing-[0-9a-f]{12}$/) })
export const restoreRequest = z.object({ budgets })
export const budgetChange = z.object({
  scope: z.string().max(80),
  provider: name,
  budget: z.object({ limitTokens: z.int().nonnegative(), period: z.enum(periods), always: z.boolean() }).nullable(),
})
export const stopRequest = z.object({ force: z.boolean(), leavesBottles: z.boolean().default(false) })
export const environmentAgain = z.object({ hostEnvironment: environment })

const wholeNumber = z.coerce.number().pipe(z.int().nonnegative())
export const usageQuery = z.object({
  by: z.enum(usageGroupings).default('provider'),
  each_model: z.literal('1').optional(),
  each_bottle: z.literal('1').optional(),
  since: wholeNumber.optional(),
  until: wholeNumber.optional(),
  bottle: z.string().optional(),
  limit: wholeNumber.optional(),
})
/** A pace that is longer would look like a controller that hangs. */
const maxPaceMs = 10_000
export const eventsQuery = z.object({
  pace: wholeNumber.pipe(z.int().max(maxPaceMs)).default(0),
  activity: z.literal('1').optional(),
})
export const listQuery = z.object({ bottle: z.string().optional(), limit: wholeNumber.default(100) })

export function parse<Shape extends z.ZodType>(shape: Shape, value: unknown): z.output<Shape> {
  const parsed = shape.safeParse(value)
  if (parsed.success) return parsed.data
  throw new BottleError(
    'usage',
    `the request to the controller is not of its shape: ${z.prettifyError(parsed.error)}`,
    {
      hint: 'Client and controller may be of different versions; restart it with: bot-bottle controller stop',
    },
  )
}
