/** `agents/NAME.md`: an agent. Its body is its prompt. */
import { builtInProviders } from '../provider/providers.ts'
import { budgetsNotation, shutdown } from './budget-notation.ts'
import { key, mapping } from './collection-notations.ts'
import type { AgentDefinition, Problem } from './definition.ts'
import { splitFrontmatter } from './frontmatter.ts'
import { agentGitGate } from './git-notation.ts'
import { commandOf } from './http-notations.ts'
import { converted, sourced } from './notation.ts'
import { type DefinitionSource, definitionName, problemAt } from './parse-bottle.ts'
import { readDocument } from './read-document.ts'
import { text } from './scalar-notations.ts'

export type ParsedAgent =
  | { readonly kind: 'agent'; readonly agent: AgentDefinition }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export const agentKeys = {
  description: key('What it is for, in one line.', sourced(text({ expected: 'a line of text', fault: lineFault }))),
  bottle: key('The bottle that it runs in, unless others are asked for at start.', sourced(definitionName)),
  command: key(
    "Its program and fixed arguments. Default: those of the bottle's provider.",
    sourced(commandOf('a program such as claude')),
  ),
  'git-gate': key("Who commits; each field wins over the bottle's.", agentGitGate),
  budget: key(
    'Tokens by provider, for all bottles of this agent.',
    budgetsNotation(builtInProviders.map(({ name }) => name)),
  ),
  shutdown,
}

function lineFault(written: string): string | undefined {
  return written.includes('\n') ? 'has several lines; what is longer goes into the prompt' : undefined
}

const ofBottles = (name: string) =>
  `"${name}" is a key of bottles: write it into bottles/NAME.md, and here "bottle: NAME"`

const advice: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['env', 'egress', 'agent_provider', 'supervise', 'extends'].map((name) => [name, ofBottles(name)]),
  ),
  prompt: 'the prompt is what stands below the frontmatter; move it there',
  bottles: 'an agent has one bottle; write "bottle: NAME", and let that one extend the others',
  name: "an agent's name is that of its file; remove this",
}

type WrittenAgent = Omit<AgentDefinition, 'name' | 'origin' | 'prompt'>

export const agentNotation = converted(mapping(agentKeys, advice), {
  from: ({ budget = [], 'git-gate': gitUser, ...said }): WrittenAgent => ({
    ...said,
    ...(gitUser && { gitUser }),
    budgets: budget,
  }),
  to: ({ budgets, gitUser, ...said }: WrittenAgent) => ({
    ...said,
    ...(gitUser && { 'git-gate': gitUser }),
    ...(budgets.length > 0 && { budget: budgets }),
  }),
})

/** Bottles without an agent are counted under this name (`run`). */
const reservedName = 'run'

export function parseAgentFile(fileText: string, { name, file }: DefinitionSource): ParsedAgent {
  if (name === reservedName) {
    const message = `no agent can have the name "${name}": programs that run without an agent are counted under it; rename the file`
    return { kind: 'invalid', problems: [{ file, line: 1, column: 1, message }] }
  }
  const parts = splitFrontmatter(fileText)
  if (parts.kind === 'invalid') return { kind: 'invalid', problems: [problemAt(file, parts)] }
  const read = readDocument(parts.yaml, file, agentNotation)
  if (read.kind === 'invalid') return read
  const origin = { file, line: 1, column: 1 }
  const nul = fileText.indexOf('\0')
  if (nul !== -1) {
    const line = fileText.slice(0, nul).split('\n').length
    const message = 'the prompt has a NUL character, which no program can be given; remove it'
    return { kind: 'invalid', problems: [{ file, line, column: 1, message }] }
  }
  return { kind: 'agent', agent: { name, origin, ...read.value, prompt: parts.body.trim() } }
}
