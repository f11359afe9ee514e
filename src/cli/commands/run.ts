import { Command } from 'commander'
import type { CliContext } from '../context.ts'
import { launch } from '../launch.ts'
import { addLaunchOptions, type LaunchOptions } from '../launch-options.ts'

export function runCommand(context: CliContext): Command {
  return addLaunchOptions(new Command('run'))
    .description(
      'Runs any program in a bottle of its own, in this terminal or in the background. In the terminal its exit code is passed on.',
    )
    .usage('[OPTIONS] -- COMMAND [ARGS]')
    .argument('<command>', 'the program')
    .argument('[args...]', 'what it is given')
    .passThroughOptions()
    .addHelpText('after', examples)
    .action(async (command: string, args: readonly string[], options: LaunchOptions) => {
      context.exit(await launch(context, { agent: null, words: [command, ...args], options }))
    })
}

const examples = `
Examples:
  bot-bottle run -- bash
  bot-bottle run --workspace none -- curl -sS https://example.com
  bot-bottle run --bottle claude --budget 50000 -- node agent.mjs
`
