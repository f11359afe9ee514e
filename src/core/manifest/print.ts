/** Writes definitions back as files: what is read from them is what was printed, but for the places and a bottle's comment. */
import { stringify } from 'yaml'
import type { AgentDefinition, BottleFile } from './definition.ts'
import type { Plain } from './notation.ts'
import { agentNotation } from './parse-agent.ts'
import { bottleNotation } from './parse-bottle.ts'
import { type SettingsFile, settingsNotation } from './settings.ts'

export function printBottle(bottle: BottleFile): string {
  return withFrontmatter(bottleNotation.print(bottle), '')
}

export function printAgent(agent: AgentDefinition): string {
  return withFrontmatter(agentNotation.print(agent), agent.prompt === '' ? '' : `${agent.prompt}\n`)
}

export function printSettings(settings: SettingsFile): string {
  return printed(settingsNotation([]).print(settings))
}

function withFrontmatter(keys: Plain, body: string): string {
  return `---\n${printed(keys)}---\n${body}`
}

/** In the subset that is read: no block texts, no aliases, every text on one line. */
function printed(keys: Plain): string {
  if (typeof keys === 'object' && Object.keys(keys).length === 0) return ''
  return stringify(keys, {
    aliasDuplicateObjects: false,
    blockQuote: false,
    doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER,
    lineWidth: 0,
  })
}
