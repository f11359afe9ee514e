/** `ledger_retention`: for how many days each exchange is kept by itself; `null` for ever. */
import { foundInWords } from './bounded-yaml.ts'
import { type Notation, wrong } from './notation.ts'

export const defaultRetentionDays = 400

export const retention: Notation<number | null> = {
  read(node, reading) {
    const written = node.kind === 'scalar' ? node.text : ''
    if (written === 'forever') return null
    if (/^[1-9]\d{0,3}d$/.test(written)) return Number(written.slice(0, -1))
    return wrong(node, reading, `expected days such as 90d (at most 9999d), or forever, found ${foundInWords(node)}`)
  },
  print: (days) => (days === null ? 'forever' : `${days}d`),
  schema: { type: 'string', pattern: '^([1-9][0-9]{0,3}d|forever)$' },
}
