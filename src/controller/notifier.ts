/**
 * Tells a program of the user's what happens to budgets and bottles: one run for each warning and each outcome of an
 * enforcement, with the event as one line of JSON on its standard input.
 *
 * It is never in the way: nobody waits for it, it is ended after a time, and what comes faster than it works is dropped,
 * which is said.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { messageOf } from '../core/errors.ts'
import type { ControllerEvent } from './api.ts'
import type { EventBus } from './event-bus.ts'

export interface NotifierOptions {
  readonly bus: EventBus
  /** The program and its arguments, looked up for each event; null for none. */
  command(): readonly [string, ...string[]] | null
  /** Where the program runs. */
  readonly directory: string
  /** One sentence for the operator. */
  onFailure(sentence: string): void
  readonly limits?: Partial<typeof notifierLimits>
}

export const notifierLimits = {
  /** One run of the program; then it is ended. */
  runMs: 10_000,
  /** Runs at a time. */
  maxRunning: 2,
  /** Events that wait for a run; further ones are dropped. */
  maxWaiting: 100,
  /** Of its standard error, for the sentence about a failure. */
  maxErrorBytes: 1_000,
}

/** Disposing drops what waits, and ends what runs. */
export function createNotifier({ bus, command, directory, onFailure, limits }: NotifierOptions): AsyncDisposable {
  const { runMs, maxRunning, maxWaiting, maxErrorBytes } = { ...notifierLimits, ...limits }
  const waiting: ControllerEvent[] = []
  const running = new Map<ChildProcess, Promise<void>>()
  let isOver = false

  const next = () => {
    while (!isOver && running.size < maxRunning) {
      const event = waiting.shift()
      const words = event && command()
      if (!words) return
      const child = spawn(words[0], words.slice(1), { cwd: directory, stdio: ['pipe', 'ignore', 'pipe'] })
      running.set(child, ended(child, words[0]))
      // A program that does not read its input is free not to.
      child.stdin.on('error', () => {})
      child.stdin.end(`${JSON.stringify(event)}\n`)
    }
  }

  const ended = async (child: ChildProcess, name: string): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), runMs)
    let complaint = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, maxErrorBytes)
    })
    try {
      const [exitCode, signal] = await once(child, 'close')
      if (exitCode !== 0 && !isOver) {
        const end = signal === null ? `ended with ${exitCode}` : `was ended by ${signal}`
        onFailure(`the notification command ${name} ${end}${complaint === '' ? '' : `: ${complaint.trim()}`}`)
      }
    } catch (error) {
      onFailure(`the notification command ${name} cannot be run: ${messageOf(error)}`)
    } finally {
      clearTimeout(timer)
      running.delete(child)
      next()
    }
  }

  const subscription = bus.subscribe((event) => {
    if (!isNotable(event) || command() === null) return
    if (waiting.length >= maxWaiting) {
      return onFailure(`a notification was dropped: ${maxWaiting} are waiting for the command already`)
    }
    waiting.push(event)
    next()
  })

  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]()
      isOver = true
      for (const child of running.keys()) child.kill('SIGKILL')
      await Promise.all(running.values())
    },
  }
}

function isNotable(event: ControllerEvent): boolean {
  return event.kind === 'warning' || (event.kind === 'enforcement' && event.phase !== 'intent')
}
