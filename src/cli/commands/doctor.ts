import { Command } from 'commander'
import { coloured } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { inert, inertJson } from '../inert.ts'

export function doctorCommand(context: CliContext): Command {
  return new Command('doctor')
    .description(
      'Checks what this host needs to run bottles, and says what to do about what is missing. Exit code 1 then.',
    )
    .option('--json', 'print it as JSON: a list of {subject, ok, found, hint?}')
    .addHelpText('after', '\nExample:\n  bot-bottle doctor\n')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      const { examineHost } = await context.entries.doctor()
      const findings = await examineHost({ home: context.home })
      if (json) context.print(inertJson(findings))
      for (const { subject, ok, found, hint } of json ? [] : findings) {
        const mark = ok ? 'ok     ' : 'NOT OK '
        const shown = context.isColoured ? coloured(mark, ok ? 'green' : 'red') : mark
        context.print(`${shown} ${inert(subject)}: ${inert(found)}`)
        if (!ok && hint !== undefined) context.print(`        hint: ${inert(hint)}`)
      }
      context.exit(findings.every(({ ok }) => ok) ? 0 : 1)
    })
}
