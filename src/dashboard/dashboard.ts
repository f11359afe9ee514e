/** The dashboard as a whole: the terminal, a store, a screen, and the controller behind it. */
import { isUtf8 } from '../cli/ascii.ts'
import type { ControllerClient } from '../controller/client.ts'
import { createEffects } from './effects.ts'
import { follow } from './follow.ts'
import { resumeInBackground } from './resume-in-background.ts'
import { createStore, type Store } from './store.ts'
import { holdTerminal, requireTerminal, type TerminalStreams } from './terminal.ts'

export interface DashboardOptions extends TerminalStreams {
  readonly home: string
  readonly env: NodeJS.ProcessEnv
}

const tickMs = 1_000
/** Of the screen, at most so often a second. */
const maxFps = 10

/** Resolves to the exit code once the user has left. Throws BottleError `usage` where there is no terminal. */
export async function runDashboard({ home, env, ...streams }: DashboardOptions): Promise<number> {
  requireTerminal(streams, env)
  // React's own checks cost a third of each frame.
  process.env.NODE_ENV ??= 'production'
  using terminal = holdTerminal(streams)
  const stopping = new AbortController()
  let client: ControllerClient | undefined
  const store: Store = createStore({ nowMs: Date.now, perform: (effect) => perform(effect) })
  const perform = createEffects({
    home,
    resume: (id) => resumeInBackground(id, env),
    client: () => client,
    tell: store.tell,
    copy: terminal.copy,
    quit: () => terminal.end(0),
  })
  const use = (heard: ControllerClient | undefined) => {
    client = heard
  }
  const following = follow({ home, env, signal: stopping.signal, tell: store.tell, use })
  const ticking = setInterval(() => store.tell({ kind: 'tick' }), tickMs)
  try {
    const [{ render }, { createElement }, { App }] = await Promise.all([
      import('ink'),
      import('react'),
      import('./app.ts'),
    ])
    const drawing = { hasColor: !env.NO_COLOR, hasUnicode: isUtf8(env) }
    const screen = render(createElement(App, { store, drawing }), {
      ...{
        ...streams,
        interactive: true,
        alternateScreen: true,
        incrementalRendering: true,
        exitOnCtrlC: false,
        maxFps,
      },
    })
    try {
      return await Promise.race([terminal.ended, screen.waitUntilExit().then(() => 0)])
    } finally {
      screen.unmount()
      await screen.waitUntilExit()
    }
  } finally {
    clearInterval(ticking)
    stopping.abort()
    await following
  }
}
