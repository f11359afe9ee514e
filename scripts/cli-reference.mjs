/** Writes docs/cli.md from the commands' own help, so that it cannot say anything else. `--check` only compares. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { capture, root } from './setup/step.mjs'

const path = join(root, 'docs/cli.md')

async function helpOf(words) {
  const { code, output } = await capture([process.execPath, join(root, 'src/main.ts'), ...words, '--help'])
  if (code !== 0) throw new Error(`"bot-bottle ${words.join(' ')} --help" ended with ${code}:\n${output}`)
  return output.trimEnd()
}

const overview = await helpOf([])
const names = [...overview.split('\nCommands:\n')[1].matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
const sections = await Promise.all(names.map(async (name) => `## ${name}\n\n\`\`\`\n${await helpOf([name])}\n\`\`\`\n`))
const reference = `# Commands

Generated from the commands' own help by \`npm run docs\`. Shapes of \`--json\`: [json.md](json.md); exit codes: [below](#exit-codes).

\`\`\`
${overview}
\`\`\`

${sections.join('\n')}
## Exit codes

| code | |
|---|---|
| 0 | done; for several bottles: for all of them |
| 1 | failed; \`doctor\` found something missing; \`controller status\` found none |
| 2 | wrong usage, settings or manifests; nothing was done |
| 3 | refused by policy, e.g. a restore without room in the budget; \`routes test\` tells a refusal so |
| 126 | the sandbox could not be entered |
| 130, 143, 129 | ended by Ctrl-C, SIGTERM, SIGHUP |
| other | \`start\`, \`run\`, \`resume\` and \`attach\` pass the program's own, 128 + n after signal n |
`

if (!process.argv.includes('--check')) await writeFile(path, reference)
else if ((await readFile(path, 'utf8')) !== reference) {
  process.stderr.write('docs/cli.md is not what the commands say: run `npm run docs`.\n')
  process.exitCode = 1
}
