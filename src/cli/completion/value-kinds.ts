/** What the values of arguments and options are, by the names that the help gives them. */

export type ValueKind =
  | 'agents'
  | 'definitions'
  | 'agents and definitions'
  | 'what has routes'
  /** Ids of bottles, by what they are to be for a command to do something. */
  | 'living bottles'
  | 'open bottles'
  | 'cut bottles'
  | 'frozen bottles'
  | 'listed bottles'
  | 'all bottles'
  | 'kept workspaces'
  | 'scopes'
  | 'providers'
  | 'budgets'
  | 'variables'
  | 'times'
  | 'files'
  | 'programs'

export interface Place {
  /** `budget set`. */
  readonly command: string
  readonly placeholder: string
  /** Of an option: `--bottle`. */
  readonly flag?: string | undefined
}

/** By the command alone, where the same word means another thing. */
const ofCommands: Readonly<Record<string, Readonly<Record<string, ValueKind>>>> = {
  show: { name: 'agents and definitions' },
  cutoff: { id: 'open bottles' },
  restore: { id: 'cut bottles' },
  resume: { id: 'frozen bottles' },
  freeze: { id: 'living bottles' },
  'snapshot export': { id: 'frozen bottles' },
  attach: { id: 'living bottles' },
  logs: { id: 'all bottles' },
  kill: { id: 'listed bottles' },
  diff: { id: 'kept workspaces' },
  apply: { id: 'kept workspaces' },
  discard: { id: 'kept workspaces' },
  'budget explain': { id: 'living bottles' },
  usage: { id: 'all bottles' },
  audit: { id: 'all bottles' },
  denials: { id: 'all bottles' },
  'routes learned': { id: 'all bottles' },
}

const ofWords: Readonly<Record<string, ValueKind>> = {
  agent: 'agents',
  bottle: 'what has routes',
  id: 'listed bottles',
  scope: 'scopes',
  provider: 'providers',
  'provider=tokens': 'budgets',
  '[provider=]tokens': 'budgets',
  'name[=value]': 'variables',
  when: 'times',
  file: 'files',
  path: 'files',
  paths: 'files',
  command: 'programs',
  args: 'files',
}

/** undefined for what nobody can know. */
export function valueKindOf({ command, placeholder, flag }: Place): ValueKind | undefined {
  if (flag === '--bottle' && placeholder === 'name') return 'definitions'
  return ofCommands[command]?.[placeholder] ?? ofWords[placeholder]
}
