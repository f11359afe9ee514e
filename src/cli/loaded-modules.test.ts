/** What list commands load: start is most of their time, and what makes it slow comes in unseen. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const program = `
  import { registerHooks } from 'node:module'
  const urls = []
  registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context) } })
  for (const name of process.argv.slice(1)) await import(name)
  console.log(JSON.stringify([...urls, ...process.moduleLoadList]))
`

test.each(['ps', 'usage', 'budget', 'audit'])(
  '%s loads no parser of YAML, no undici and no validator',
  async (name) => {
    const command = new URL(`./commands/${name}.ts`, import.meta.url).href
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program, command])
    const loaded = JSON.parse(stdout) as readonly string[]
    expect(loaded.some((one) => one.endsWith('client-transport.ts'))).toBe(true)
    expect(loaded.filter((one) => /undici\/undici|node_modules\/(?!commander\/)/.test(one))).toEqual([])
  },
)
