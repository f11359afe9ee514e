import { lstat, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { BottleError, messageOf } from '../../core/errors.ts'
import { prepareHome } from '../../host/paths.ts'
import type { CliContext } from '../context.ts'
import { inertJson } from '../inert.ts'
import { schemaFiles, starterFiles } from '../starter-files.ts'

export function initCommand(context: CliContext): Command {
  return new Command('init')
    .description(
      'Writes commented settings, a bottle and an agent to start from. What is there already is left as it is.',
    )
    .option('--json', 'print what is where as JSON: a list of {path, written}')
    .addHelpText('after', '\nExample:\n  bot-bottle init && bot-bottle show starter\n')
    .action(async ({ json = false }: { readonly json?: boolean }) => {
      await prepareHome(context.home)
      const files: { readonly path: string; readonly written: boolean }[] = []
      for (const [file, content] of Object.entries(starterFiles)) {
        const path = join(context.home, file)
        const written = await write(path, content, 'wx')
        files.push({ path, written })
        if (!json) context.print(`${written ? 'wrote' : 'kept '} ${path}`)
      }
      // For editors, not for people: always those of this version.
      for (const [file, content] of Object.entries(schemaFiles())) {
        await write(join(context.home, file), content, 'w')
      }
      if (json) context.print(inertJson(files))
    })
}

/** With `wx`: false where something has that name, be it a broken link. */
async function write(path: string, content: string, flag: 'w' | 'wx'): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await writeFile(path, content, { flag, mode: 0o600 })
    return true
  } catch (cause) {
    if (flag === 'wx' && (await isThere(path))) return false
    throw new BottleError('usage', `${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'Make room for it, or set BOT_BOTTLE_HOME to a directory that you can write to.',
      cause,
    })
  }
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
