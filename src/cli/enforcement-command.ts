/** A command that does the same to several bottles. What fails for one is told at the end, and keeps it from no other. */
import { Command } from 'commander'
import type { EnforcementResult } from '../controller/api.ts'
import type { ControllerClient } from '../controller/client.ts'
import { BottleError } from '../core/errors.ts'
import { connect } from './connect.ts'
import type { CliContext } from './context.ts'
import { inertJson } from './inert.ts'
import { withProgress } from './progress.ts'

export interface EnforcementCommand {
  readonly name: string
  readonly description: string
  /** Of the ids. */
  readonly ids: string
  readonly examples: string
  readonly act: (client: ControllerClient, id: string) => Promise<EnforcementResult>
  /** A sentence, by whether it was so before. */
  readonly words: (id: string, changed: boolean) => string
}

export function enforcementCommand(context: CliContext, what: EnforcementCommand): Command {
  return new Command(what.name)
    .description(what.description)
    .argument('<id...>', what.ids)
    .option('--json', 'print what was done as JSON: a list of {id, changed}')
    .addHelpText('after', what.examples)
    .action(async (ids: readonly string[], { json = false }: { readonly json?: boolean }) => {
      const client = await connect(context)
      const failures: BottleError[] = []
      const done: { readonly id: string; readonly changed: boolean }[] = []
      for (const id of ids) {
        try {
          const { changed } = await withProgress(`${what.name} of ${id}`, () => what.act(client, id))
          done.push({ id, changed })
          if (!json) context.tell(what.words(id, changed))
        } catch (error) {
          if (!(error instanceof BottleError)) throw error
          failures.push(error)
        }
      }
      if (json) context.print(inertJson(done))
      const [first, ...others] = failures
      if (first) throw others.length === 0 ? first : together(failures, first)
    })
}

function together(failures: readonly BottleError[], { code, hint }: BottleError): BottleError {
  const message = failures.map((failure) => failure.message).join('\n')
  return new BottleError(code, message, hint === undefined ? {} : { hint })
}
