/** Asks in the terminal before something is changed that only the user can want. */
import { createInterface } from 'node:readline/promises'
import { BottleError } from '../core/errors.ts'

/** Throws BottleError `usage` without a terminal: then `--yes` must have been given. */
export async function confirm(question: string): Promise<boolean> {
  const { stdin: input, stderr: output } = process
  if (!input.isTTY || !output.isTTY) {
    throw new BottleError('usage', 'this must be confirmed, and there is no terminal to ask in', {
      hint: 'Give --yes when you are sure.',
    })
  }
  const reader = createInterface({ input, output })
  try {
    const left = new Promise<string>((resolve) => reader.once('close', () => resolve('')))
    const answer = await Promise.race([reader.question(`${question} [y/N] `), left])
    return /^y(?:es)?$/i.test(answer.trim())
  } finally {
    reader.close()
  }
}
