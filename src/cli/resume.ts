/** The way of `resume`: what the bottle needs, its program, the bottle again, held until the program has ended. */
import { connectOrStart } from './connect.ts'
import type { CliContext } from './context.ts'
import { type DetachOptions, detach } from './detached/detach.ts'
import { checkTerminalTools } from './detached/start-holder.ts'
import { findCommand } from './find-command.ts'
import { holdToEnd, neededEnvironment, terminalEnvironment } from './launch.ts'
import { type BudgetOption, budgetsFor } from './launch-options.ts'
import { holdSignals } from './program.ts'
import { withProgress } from './progress.ts'

export interface ResumeRequest {
  readonly id: string
  /** Added to the command. */
  readonly words: readonly string[]
  readonly budget: readonly BudgetOption[]
  /** The agent is given its flag to go on with its last conversation. */
  readonly isContinuing: boolean
  /** undefined: in this terminal. */
  readonly detach: DetachOptions | undefined
  /** undefined: what was left of it. */
  readonly timeoutMs: number | undefined
}

/** Resolves to the program's exit code. */
export async function resume(context: CliContext, request: ResumeRequest): Promise<number> {
  const { id, words, budget, isContinuing } = request
  if (request.detach?.tty) await checkTerminalTools(context.cwd)
  const client = await connectOrStart(context)
  const plan = await client.resumePlan(id)
  for (const notice of plan.notices) context.tell(notice)
  const base = plan.command ?? []
  const [name = '', ...args] = [...base, ...(isContinuing ? plan.continueArguments : []), ...words]
  const { installHint } = plan
  const file = await findCommand(name, { path: context.env.PATH, cwd: context.cwd, installHint })
  const hostEnvironment = neededEnvironment(context, plan)
  using signals = holdSignals()
  const started = await withProgress(`resuming ${id}`, () =>
    client.resume(id, {
      command: [file, ...args],
      budgets: budgetsFor(budget, plan.providers),
      hostEnvironment,
      terminalEnvironment: terminalEnvironment(context),
      detached: request.detach !== undefined,
      timeoutMs: request.timeoutMs,
    }),
  )
  for (const notice of started.notices) context.tell(notice)
  const holding = { client, started, signals, hostEnvironment }
  return await (request.detach ? detach(context, holding, request.detach) : holdToEnd(context, holding))
}
