import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startController } from './client-start.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'bot-bottle-start-'))
})
afterEach(() => rm(home, { recursive: true }))

/** Starts `bash -c script` in the place of the controller, which counts as answering once it has written `answer`. */
const start = (script: string, env: Record<string, string> = {}) =>
  startController({
    home,
    logPath: join(home, 'controller.log'),
    env: { PATH: process.env.PATH ?? '', ...env },
    isAnswering: () => readFile(join(home, 'answer')).then(Boolean, () => false),
    command: ['bash', '-c', script],
  })

test('waits until the controller answers', async () => {
  await start('echo started; echo yes > "$BOT_BOTTLE_HOME/answer"')
  expect(await readFile(join(home, 'controller.log'), 'utf8')).toBe('started\n')
})

test('throws the error that the controller reported, not an older one in the log', async () => {
  await writeFile(join(home, 'controller.log'), '{"error":{"code":"internal","message":"of yesterday"}}\n')
  const report = '{"error":{"code":"ledger_unusable","message":"the ledger is newer","hint":"Upgrade."}}'
  await expect(start(`echo '${report}' >&2; echo more; exit 1`)).rejects.toMatchObject({
    code: 'ledger_unusable',
    message: 'the ledger is newer',
    hint: 'Upgrade.',
  })
})

test.each([
  ['echo boom >&2; exit 7', 'the controller ended at its start (exit code 7): boom'],
  ['kill -9 $$', 'the controller ended at its start (SIGKILL)'],
])('without a report tells the last line of the log: %s', async (script, message) => {
  await expect(start(script)).rejects.toMatchObject({ code: 'controller_unreachable', message })
})

test('the controller sees no credential of its starter', async () => {
  const script = 'env > "$BOT_BOTTLE_HOME/env"; echo yes > "$BOT_BOTTLE_HOME/answer"'
  await start(script, {
    ANTHROPIC_API_KEY: 'k',
    GITHUB_TOKEN: 't',
    LC_ALL: 'C.UTF-8',
    NODE_OPTIONS: '--trace-warnings',
  })
  const names = (await readFile(join(home, 'env'), 'utf8')).split('\n').map((line) => line.split('=')[0])
  expect(names).toEqual(expect.arrayContaining(['LC_ALL', 'PATH', 'BOT_BOTTLE_HOME']))
  for (const name of ['ANTHROPIC_API_KEY', 'GITHUB_TOKEN', 'NODE_OPTIONS']) expect(names).not.toContain(name)
})

test('the controller inherits no open file, works in / and leads its own session (S15)', async () => {
  const observe =
    'ls -l /proc/$$/fd > "$BOT_BOTTLE_HOME/files"; pwd > "$BOT_BOTTLE_HOME/cwd"; cut -d" " -f1,6 /proc/$$/stat > "$BOT_BOTTLE_HOME/session"; echo yes > "$BOT_BOTTLE_HOME/answer"'
  const starter = `
    import { existsSync } from 'node:fs'
    import { startController } from ${JSON.stringify(fileURLToPath(new URL('./client-start.ts', import.meta.url)))}
    const home = ${JSON.stringify(home)}
    await startController({ home, logPath: home + '/controller.log', env: process.env,
      isAnswering: async () => existsSync(home + '/answer'), command: ['bash', '-c', ${JSON.stringify(observe)}] })`
  const child = spawn(
    'bash',
    ['-c', 'exec 77</etc/passwd; exec "$0" --input-type=module -e "$1"', process.execPath, starter],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  )
  expect(await once(child, 'exit')).toEqual([0, null])
  const files = (await readFile(join(home, 'files'), 'utf8')).split('\n').filter((line) => line.includes('->'))
  expect(files.map((line) => Number(/(\d+) ->/.exec(line)?.[1]))).toEqual([0, 1, 2])
  expect(await readFile(join(home, 'cwd'), 'utf8')).toBe('/\n')
  const [pid, session] = (await readFile(join(home, 'session'), 'utf8')).trim().split(' ')
  expect(session).toBe(pid)
})
