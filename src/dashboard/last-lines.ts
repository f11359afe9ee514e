/** What the program of a bottle in the background printed last, as plain lines, the last one first. */
import { openOutput } from '../cli/detached/read-output.ts'
import { createInertOutput } from '../cli/inert-output.ts'
import { instancePath } from '../cli/instance-path.ts'
import { maxDetailRows } from './model/detail-events.ts'

/** null where nobody kept it. */
export async function lastLines(home: string, id: string): Promise<readonly string[] | null> {
  const output = await openOutput(instancePath(home, id), { lastLines: maxDetailRows, until: undefined })
  if (!output) return null
  const chunks = await Array.fromAsync(output)
  const inert = createInertOutput()
  const text = inert.push(Buffer.concat(chunks).toString('utf8')) + inert.end()
  return text
    .split('\n')
    .slice(-maxDetailRows)
    .toReversed()
    .filter((line, index) => index > 0 || line !== '')
}
