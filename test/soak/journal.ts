/** What the soak did, so that a problem can be followed back, and what it found. */
export interface Journal {
  note(line: string): void
  problem(line: string): void
  readonly problems: readonly string[]
  /** The last lines, oldest first. */
  readonly lines: readonly string[]
  /** How often each thing was done. */
  readonly counts: Readonly<Record<string, number>>
  count(what: string): void
}

const maxLines = 400
const maxProblems = 20

export function createJournal(): Journal {
  const lines: string[] = []
  const problems: string[] = []
  const counts: Record<string, number> = {}
  const note = (line: string) => {
    lines.push(`${new Date().toISOString().slice(11, 23)} ${line}`)
    if (lines.length > maxLines) lines.shift()
  }
  return {
    note,
    problem(line) {
      note(`PROBLEM ${line}`)
      if (problems.length < maxProblems) problems.push(line)
    },
    problems,
    lines,
    counts,
    count(what) {
      counts[what] = (counts[what] ?? 0) + 1
    },
  }
}
