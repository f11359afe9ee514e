/** Asks in the terminal for what a bottle's definition leaves open. Secrets are not shown while they are typed. */
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import type { Question } from '../controller/api.ts'
import { BottleError } from '../core/errors.ts'
import { inert } from './inert.ts'

export interface Terminal {
  readonly input: NodeJS.ReadStream
  readonly output: NodeJS.WriteStream
}

/** What is given, and an answer to every question that it leaves open. Throws BottleError `usage` without a terminal. */
export async function answersTo(
  questions: readonly Question[],
  given: Readonly<Record<string, string>>,
  terminal: Terminal = { input: process.stdin, output: process.stderr },
): Promise<Readonly<Record<string, string>>> {
  const open = questions.filter(({ name }) => !Object.hasOwn(given, name))
  if (open.length === 0) return given
  if (!terminal.input.isTTY || !terminal.output.isTTY) {
    const names = open.map(({ name }) => name).join(', ')
    throw new BottleError('usage', `${names} must be asked for, and there is no terminal to ask in`, {
      hint: `Give the value with ${open.map(({ name }) => `--env ${name}`).join(' ')} (taken from your environment).`,
    })
  }
  const answers: Record<string, string> = { ...given }
  for (const question of open) answers[question.name] = await ask(question, terminal)
  return answers
}

async function ask({ name, message, isSecret }: Question, { input, output }: Terminal): Promise<string> {
  const words = `${inert(message === '' ? name : message)} `
  let isMuted = false
  const screen = new Writable({
    write(chunk: Buffer, _encoding, done) {
      if (!isMuted) output.write(chunk)
      done()
    },
  })
  const reader = createInterface({ input, output: screen, terminal: true, historySize: 0 })
  try {
    const left = new Promise<never>((_, reject) => {
      reader.once('SIGINT', () => reject(new BottleError('usage', `${name} was not answered`)))
      reader.once('close', () => reject(new BottleError('usage', `${name} was not answered`)))
    })
    const answered = reader.question(words)
    isMuted = isSecret
    const answer = await Promise.race([answered, left])
    if (isSecret) output.write('\n')
    return answer
  } finally {
    reader.close()
  }
}
