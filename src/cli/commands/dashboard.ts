import { Command } from 'commander'
import type { CliContext } from '../context.ts'

export function dashboardCommand(context: CliContext): Command {
  return new Command('dashboard')
    .description(
      'Shows bottles and budgets as they change, on the whole terminal, and steers them by keys; ? lists these. Leaving it ends nothing.',
    )
    .addHelpText('after', '\nExample:\n  bot-bottle dashboard\n')
    .action(async () => {
      const { runDashboard } = await context.entries.dashboard()
      const { home, env } = context
      context.exit(await runDashboard({ home, env, stdin: process.stdin, stdout: process.stdout }))
    })
}
