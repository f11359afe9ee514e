import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { launch } from '../launch.ts'
import { addLaunchOptions, type LaunchOptions } from '../launch-options.ts'

export function startCommand(context: CliContext): Command {
  return addLaunchOptions(new Command('start'))
    .description(
      'Starts an agent in a bottle of its own, in this terminal or in the background. In the terminal its exit code is passed on.',
    )
    .usage('AGENT [OPTIONS] [-- ARGS]')
    .argument('<agent>', 'its name; bot-bottle agents lists them')
    .argument('[args...]', 'what the agent itself is given, behind --')
    .addHelpText('after', examples)
    .action(async (agent: string, words: readonly string[], options: LaunchOptions) => {
      context.exit(await launch(context, { agent, words, options }))
    })
}

const examples = `
Examples:
  bot-bottle start claude                                   on a copy of this directory
  bot-bottle start claude --budget 200000 --workspace direct
  bot-bottle start claude --detach -- -p "fix the tests"     in the background
  bot-bottle start codex --shutdown kill -- exec "fix the tests"
`
