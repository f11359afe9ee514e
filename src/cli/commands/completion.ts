import { Argument, Command } from 'commander'
import { completionScripts, type Shell, shells } from '../completion/scripts.ts'
import type { CliContext } from '../context.ts'

export function completionCommand(context: CliContext): Command {
  return new Command('completion')
    .description(
      'Prints a script that makes your shell complete commands, options, agents, bottles and budgets. It asks bot-bottle at each press of the key, so it need not be made again after an update.',
    )
    .addArgument(new Argument('<shell>', 'the shell').choices(shells))
    .addHelpText('after', examples)
    .action((shell: Shell) => context.print(completionScripts[shell].trimEnd()))
}

const examples = `
Examples:
  source <(bot-bottle completion bash)        in ~/.bashrc
  source <(bot-bottle completion zsh)         in ~/.zshrc, behind compinit
  bot-bottle completion fish > ~/.config/fish/completions/bot-bottle.fish
`
