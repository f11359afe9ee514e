/** The way of `start` and `run`: plan, find the program, create the bottle, hold it until the program has ended. */
import type { Plan, StartRequest } from '../controller/api.ts'
import { answersTo } from './ask.ts'
import { tellCopy } from './changes/tell-changes.ts'
import { connectOrStart } from './connect.ts'
import type { CliContext } from './context.ts'
import { detach } from './detached/detach.ts'
import { checkTerminalTools } from './detached/start-holder.ts'
import { findCommand } from './find-command.ts'
import { type Holding, holdBottle } from './hold-bottle.ts'
import { budgetsFor, checkDetachOptions, environmentFor, existingPaths, type LaunchOptions } from './launch-options.ts'
import { holdSignals } from './program.ts'
import { withProgress } from './progress.ts'
import { tellEnd } from './tell-end.ts'
import { tellLearned } from './tell-learned.ts'

export interface LaunchRequest {
  readonly agent: string | null
  /** The program for `run`; what is added to the agent's own command for `start`. */
  readonly words: readonly string[]
  readonly options: LaunchOptions
}

/** Resolves to the program's exit code. */
export async function launch(context: CliContext, request: LaunchRequest): Promise<number> {
  checkDetachOptions(request.options)
  const readOnlyPaths = await existingPaths(request.options.readOnly ?? [], context.cwd)
  const client = await connectOrStart(context)
  const { agent, options } = request
  if (options.detach && options.tty) await checkTerminalTools(context.cwd)
  const plan = await client.plan({ agent, definitions: options.bottle ?? [], projectPath: context.cwd })
  for (const notice of plan.notices) context.tell(notice)
  using signals = holdSignals()
  const asked = await startRequest(context, { request, plan, readOnlyPaths })
  const started = await withProgress('making the bottle', () => client.start(asked))
  for (const notice of started.notices) context.tell(notice)
  if (options.learn) context.tell(learning)
  if (!started.bottle.contained) context.tell(uncontained)
  await tellCopy(context, started.bottle.id)
  const holding = { client, started, signals, hostEnvironment: asked.hostEnvironment }
  if (options.detach) return await detach(context, holding, options)
  try {
    return await holdToEnd(context, holding)
  } finally {
    if (options.learn) await tellLearned(context, client, started.bottle.id)
  }
}

/** Holds a bottle until its program has ended, and tells what is left of it. */
export async function holdToEnd(context: CliContext, holding: Holding): Promise<number> {
  const { client, started } = holding
  const { id } = started.bottle
  try {
    const exitCode = await holdBottle(context, holding)
    // Another one where its time was over.
    return (await tellEnd(context, client, id))?.exitCode ?? exitCode
  } catch (error) {
    await tellEnd(context, client, id)
    throw error
  }
}

const uncontained = 'this bottle is not contained: its program runs as a plain process of this host'
const learning =
  'this bottle learns: what no route allows passes, without a credential; start it so with what you trust only'

interface Planned {
  readonly request: LaunchRequest
  readonly plan: Plan
  readonly readOnlyPaths: readonly string[]
}

async function startRequest(context: CliContext, { request, plan, readOnlyPaths }: Planned): Promise<StartRequest> {
  const { agent, options } = request
  const [name = '', ...args] = [...(plan.command ?? []), ...request.words]
  const budgets = budgetsFor(options.budget ?? [], plan.providers)
  const { installHint } = plan
  const file = await findCommand(name, { path: context.env.PATH, cwd: context.cwd, installHint })
  return {
    agent,
    definitions: options.bottle ?? [],
    projectPath: context.cwd,
    command: [file, ...args],
    workspace: options.workspace === 'none' ? { kind: 'none' } : { kind: options.workspace, path: context.cwd },
    readOnlyPaths,
    learn: options.learn ?? false,
    detached: options.detach ?? false,
    timeoutMs: options.timeout,
    budgets,
    policy: options.shutdown ?? null,
    sandbox: options.sandbox,
    hostEnvironment: neededEnvironment(context, plan),
    env: await answersTo(plan.questions, environmentFor(options.env ?? [], context.env)),
    terminalEnvironment: terminalEnvironment(context),
  }
}

/** What of the user's environment the plan wants. */
export function neededEnvironment({ env }: CliContext, plan: Plan): StartRequest['hostEnvironment'] {
  return pick(env, (variable) => plan.wantsWholeEnvironment || plan.environmentNames.includes(variable))
}

export function terminalEnvironment({ env }: CliContext): StartRequest['terminalEnvironment'] {
  return pick(env, (variable) => terminalVariable.test(variable))
}

const terminalVariable = /^(?:TERM|COLORTERM|LANG|LC_[A-Z]+|TZ|NO_COLOR|FORCE_COLOR)$/

function pick(env: CliContext['env'], isWanted: (name: string) => boolean): Readonly<Record<string, string>> {
  const picked: Record<string, string> = {}
  for (const [name, value] of Object.entries(env)) if (value !== undefined && isWanted(name)) picked[name] = value
  return picked
}
