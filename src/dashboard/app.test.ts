/** The screen as Ink writes it, on terminals that keep what was written to them, with keys as they send them. */
import { PassThrough } from 'node:stream'
import { render } from 'ink'
import { createElement } from 'react'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { App } from './app.ts'
import type { Effect } from './model/state.ts'
import { frame } from './screens/frame.ts'
import { auditEntries, bottle, budget, counterOf, events, nowMs, progressed, started } from './stage.fixture.ts'
import { createStore } from './store.ts'
import { textOf } from './text/line.ts'

const esc = '\u001b'

/** A terminal of that size, to write to and to type into. */
function createTerminal(columns: number, rows: number) {
  const written: string[] = []
  const stdout = Object.assign(new PassThrough(), { columns, rows, isTTY: true })
  stdout.on('data', (chunk: Buffer) => written.push(chunk.toString()))
  const stdin = Object.assign(new PassThrough(), { isTTY: true, isRaw: false, ref() {}, unref() {} })
  Object.assign(stdin, { setRawMode: (isRaw: boolean) => Object.assign(stdin, { isRaw }) })
  return {
    ...{ written, stdin },
    stdout: stdout as unknown as NodeJS.WriteStream,
    resize(toColumns: number, toRows: number) {
      Object.assign(stdout, { columns: toColumns, rows: toRows })
      stdout.emit('resize')
    },
  }
}

async function stage({ columns = 80, rows = 24, hasColor = true } = {}) {
  const terminal = createTerminal(columns, rows)
  const effects: Effect[] = []
  const store = createStore({ nowMs: () => nowMs, perform: (effect) => effects.push(effect) })
  const spent = budget('run:web-1', { limitTokens: 1_000, settledTokens: 1_000 })
  store.tell({ kind: 'connected' })
  store.tell({
    kind: 'bottles',
    bottles: [bottle('web-1', { state: 'cut', budgets: [counterOf(spent)] }), bottle('docs-1')],
  })
  store.tell({ kind: 'budgets', budgets: [spent, budget('host')] })
  store.tell({ kind: 'audit', audit: auditEntries })
  effects.length = 0
  const screen = render(createElement(App, { store, drawing: { hasColor, hasUnicode: true } }), {
    stdout: terminal.stdout,
    stdin: terminal.stdin as unknown as NodeJS.ReadStream,
    ...{
      interactive: true,
      alternateScreen: true,
      incrementalRendering: true,
      exitOnCtrlC: false,
      patchConsole: false,
    },
  })
  onTestFinished(() => screen.unmount())
  await screen.waitUntilRenderFlush()
  const drawn = async () => {
    await screen.waitUntilRenderFlush()
    return terminal.written.join('')
  }
  return { ...terminal, screen, store, effects, drawn }
}

const plain = (text: string) =>
  text.replaceAll(new RegExp(`${esc}\\[[0-9;?]*[a-zA-Z]`, 'g'), '').replaceAll(/ +$/gm, '')

describe.each([
  { columns: 80, rows: 24 },
  { columns: 160, rows: 48 },
])('on $columns columns and $rows rows', (size) => {
  it.each([true, false])('the first frame is the frame of its state, colours %s', async (hasColor) => {
    const { drawn, store } = await stage({ ...size, hasColor })
    const written = await drawn()
    expect(written.startsWith(`${esc}[?1049h`)).toBe(true)
    const lines = frame(store.state, size).map((line) => textOf(line).trimEnd())
    expect(plain(written)).toContain(lines.join('\n').trimEnd())
    expect(/\[(?:\d+;)*3[1-6]m/.test(written)).toBe(hasColor)
  })
})

it('writes only what changed: a stream that runs up is no second screen', async () => {
  const { drawn, written, store } = await stage()
  const first = (await drawn()).length
  store.tell(events(started('docs-1', 'a'), progressed('docs-1', 'a', 12_345)))
  const later = (await drawn()).slice(first)
  expect(plain(later)).toContain('12.3k')
  // The other bottle's line stands as it is.
  expect(later).not.toContain('web-1')
  expect(later).not.toContain(`${esc}[2J`)
  const count = written.length
  store.tell({ kind: 'tick' })
  await drawn()
  expect(written.slice(count).join('')).not.toContain('12.3k')
})

it('follows the size of the terminal, down to one that is too small', async () => {
  const { written, resize } = await stage()
  resize(160, 48)
  await vi.waitFor(() => expect(plain(written.join(''))).toContain('POLICY'))
  resize(30, 8)
  await vi.waitFor(() => expect(plain(written.join(''))).toContain('The terminal is too'))
})

describe('keys', () => {
  /** Each is waited for: a lone Escape is one only when nothing follows it for a moment. */
  const typed = async (...keys: readonly string[]) => {
    const { stdin, effects, store } = await stage()
    for (const key of keys) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const unsubscribe = store.subscribe(resolve)
      stdin.write(key)
      await promise
      unsubscribe()
    }
    return { effects, state: store.state }
  }

  it('are read as terminals send them', async () => {
    expect((await typed(`${esc}[B`, '\r')).state.detail?.id).toBe('docs-1')
    expect((await typed('\t')).state.screen).toBe('budgets')
    expect((await typed(`${esc}[Z`)).state.screen).toBe('audit')
    expect((await typed('/', 'doc', '\u007f')).state.search).toBe('do')
    expect((await typed('2', esc, '\u0003')).effects).toEqual([{ kind: 'quit' }])
  })

  it('may come several at once, the last of them a control', async () => {
    const { effects, state } = await typed('/docs\rc')
    expect(state.dialog).toBeUndefined()
    expect(effects).toEqual([{ kind: 'act', action: 'cutoff', id: 'docs-1' }])
  })

  it('that are pasted act on nothing, and fill in what is asked for', async () => {
    const paste = (text: string) => `${esc}[200~${text}${esc}[201~`
    expect((await typed(paste('cxyq'))).effects).toEqual([])
    expect((await typed('x', `${paste('y')}n`)).effects).toEqual([])
    expect((await typed('/', paste('docs-1\n'))).state.search).toBe('docs-1')
  })
})
