/**
 * Tells whoever waits that something happens: a line on stderr that turns, from half a second on, and is gone when it is over. Only in a
 * terminal, and never where a pager or another program of a pipeline may own the screen.
 */
import { fstatSync } from 'node:fs'
import { isUtf8 } from './ascii.ts'
import { inert } from './inert.ts'

export interface Progress extends Disposable {
  /** What is shown from now on. */
  say(text: string): void
}

export interface ProgressOptions {
  /** Nothing else can run meanwhile, so the line is shown at once and does not turn. */
  readonly isBlocking?: boolean
}

/** What is drawn on; a terminal of its own in tests. */
export interface Screen {
  readonly isShown: boolean
  readonly isUtf8: boolean
  readonly widthColumns: number
  write(text: string): void
}

const firstShownMs = 500
const turnMs = 100
const clearLine = '\r\x1b[K'

export function showProgress(
  text: string,
  { isBlocking = false }: ProgressOptions = {},
  screen: Screen = ownScreen(),
): Progress {
  if (!screen.isShown) return { say: () => undefined, [Symbol.dispose]: () => undefined }
  const startedMs = performance.now()
  const frames = screen.isUtf8 ? ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] : ['|', '/', '-', '\\']
  let said = text
  let isDrawn = false
  let turns = 0
  const draw = () => {
    isDrawn = true
    const seconds = Math.floor((performance.now() - startedMs) / 1_000)
    const line = `${frames[turns++ % frames.length]} ${inert(said)}${seconds > 0 ? ` ${seconds} s` : ''}`
    // One that wraps could not be taken away again.
    screen.write(`${clearLine}${line.slice(0, screen.widthColumns - 1)}`)
  }
  const clear = () => {
    if (isDrawn) screen.write(clearLine)
    isDrawn = false
  }
  let timer = setTimeout(function turn() {
    draw()
    timer = setTimeout(turn, turnMs)
  }, firstShownMs)
  if (isBlocking) draw()
  const interrupted = () => {
    clear()
    process.off('SIGINT', interrupted)
    // Nobody else wants to do anything about it: it ends us as it would have without us.
    if (process.listenerCount('SIGINT') === 0) process.kill(process.pid, 'SIGINT')
  }
  process.on('SIGINT', interrupted)
  return {
    say(now) {
      said = now
    },
    [Symbol.dispose]() {
      clearTimeout(timer)
      process.off('SIGINT', interrupted)
      clear()
    },
  }
}

/** Shows it as long as the work lasts. */
export async function withProgress<Result>(
  text: string,
  work: (progress: Progress) => Promise<Result> | Result,
  options: ProgressOptions = {},
): Promise<Result> {
  using progress = showProgress(text, options)
  return await work(progress)
}

function ownScreen(): Screen {
  const { stderr, env } = process
  return {
    isShown: stderr.isTTY === true && env.TERM !== 'dumb' && !isPipe(1),
    isUtf8: isUtf8(env),
    // A terminal that does not know its size says 0.
    widthColumns: stderr.columns || 80,
    write: (text) => void stderr.write(text),
  }
}

function isPipe(descriptor: number): boolean {
  try {
    const found = fstatSync(descriptor)
    return found.isFIFO() || found.isSocket()
  } catch {
    return true
  }
}
