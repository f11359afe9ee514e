import { Command } from 'commander'
import type { CliContext } from '../context.ts'

export function demoCommand(context: CliContext): Command {
  return new Command('demo')
    .description(
      'Shows a budget run out: an agent in a bottle, against a simulated provider. Costs nothing, leaves nothing.',
    )
    .addHelpText('after', '\nExample:\n  bot-bottle demo\n')
    .action(async () => {
      const { runDemo } = await context.entries.demo()
      context.exit(await runDemo())
    })
}
