/** What a program in a bottle finds when it looks for a way out or for the key. */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { placeholderCredential } from '../../src/core/provider/provider.ts'
import { modelCallInShell } from '../fakes/model-call.ts'
import { openProductHost, type ProductHost, realKey } from '../fakes/product-host.ts'
import { startHttpUpstream } from '../fakes/raw-upstream.ts'
import { testUsers } from '../fakes/test-user.ts'

const models = 'https://api.anthropic.com/v1/models'
const anthropic = ['-H', 'anthropic-version: 2023-06-01']

describe.each(testUsers)('in a bottle $title', (user) => {
  let host: ProductHost
  beforeAll(async () => {
    host = await openProductHost({ user })
    await mkdir(join(host.home, 'bottles'))
    await writeFile(join(host.home, 'bottles/both.md'), '---\nagent_provider: [claude, codex]\n---\n')
  })
  afterAll(() => host[Symbol.asyncDispose]())

  const inBottle = (words: readonly string[], input = '') =>
    host.run(['run', '--bottle', 'both', '--workspace', 'none', '--', ...words], { input })
  const curl = (...args: readonly string[]) => inBottle(['curl', '-sS', '-m', '5', ...args])

  test('no variable names a proxy, and placeholders stand for the keys', async () => {
    const { stdout } = await inBottle(['env'])
    expect(stdout).not.toMatch(/proxy=/i)
    expect(stdout).toContain(`ANTHROPIC_API_KEY=${placeholderCredential}\n`)
    expect(stdout).toContain(`OPENAI_API_KEY=${placeholderCredential}\n`)
  })

  test('Claude Code is told that it is in a sandbox only where that is so', async () => {
    const environment = async (sandbox: string) => {
      const options = ['--sandbox', sandbox, '--bottle', 'claude', '--workspace', 'none']
      return (await host.run(['run', ...options, '--', 'env'])).stdout
    }
    expect(await environment('bubblewrap')).toContain('CLAUDE_CODE_SANDBOXED=1\n')
    expect(await environment('none')).not.toContain('CLAUDE_CODE_SANDBOXED')
  })

  test('a program that ignores proxies is caught, by name and by any address, with the verdicts of the proxy (S01)', async () => {
    const ways = [
      ['--noproxy', '*'],
      ['--resolve', 'api.anthropic.com:443:203.0.113.7'],
      ['-x', 'http://127.0.0.1:3128'],
    ]
    for (const way of ways) {
      const { exitCode, stdout } = await curl(...way, ...anthropic, models)
      expect({ exitCode, body: JSON.parse(stdout) }).toMatchObject({ exitCode: 0, body: { data: expect.any(Array) } })
    }
    const denials = []
    for (const way of [
      ['--noproxy', '*'],
      ['--resolve', 'example.com:443:203.0.113.7'],
      ['-x', 'http://127.0.0.1:3128'],
    ]) {
      const { stdout } = await curl(...way, '-w', ' %{http_code}', 'https://example.com/')
      denials.push(stdout)
    }
    expect(denials[0]).toMatch(/no route of this bottle allows the host example\.com[\s\S]* 403$/)
    expect(new Set(denials).size).toBe(1)
    // No name at all: nobody could say what it is for.
    expect((await curl('-k', 'https://203.0.113.7/')).exitCode).not.toBe(0)
  })

  test('neither the host’s loopback nor a private address nor the proxy itself is reached through the proxy (S08)', async () => {
    await using canary = await startHttpUpstream((_request, response) => response.end('reached'), { isPlain: true })
    const targets = [
      ...[`http://127.0.0.1:${canary.port}/`, `http://localhost:${canary.port}/`, `https://127.0.0.1:${canary.port}/`],
      ...['http://127.0.0.1:3128/', 'https://127.0.0.1:3128/', 'http://10.0.0.1/', 'https://192.168.0.1/'],
      ...['http://169.254.169.254/latest/meta-data/', 'https://[::1]/', 'http://localhost/', 'https://localhost/'],
    ]
    const format = '%{http_code} %{http_connect}\\n'
    const script = targets.map(
      (url) => `curl -sk -g -m 5 -o /dev/null -x http://127.0.0.1:3128 -w '${format}' '${url}'`,
    )
    const { stdout } = await inBottle(['sh', '-c', `${script.join('; ')}; true`])
    const answers = stdout.trim().split('\n')
    expect(answers).toHaveLength(targets.length)
    for (const [index, answer] of answers.entries()) {
      const [status, tunnel] = answer.split(' ').map(Number)
      expect({ target: targets[index], status: status || tunnel }).toEqual({ target: targets[index], status: 403 })
    }
    expect(canary.connectionCount).toBe(0)
  })

  test('the key is nowhere: not in variables, files or processes inside, nor in what the host keeps (C05)', async () => {
    const places = '"$HOME" "$PWD" /etc /tmp /run /var /dev/shm /proc/[0-9]*/environ /proc/[0-9]*/cmdline'
    const search = `${modelCallInShell()} > answer; env > env; grep -rlsF -f - ${places}; echo searched`
    expect((await inBottle(['sh', '-c', search], `${realKey}\n`)).stdout).toBe('searched\n')
    expect(await credentialsSeen(host)).toContain(realKey)
    // The same search does find what is there.
    expect((await inBottle(['sh', '-c', search], `${placeholderCredential}\n`)).stdout).toMatch(/\/environ\n/)
    const living = host.start([
      'run',
      '--bottle',
      'claude',
      '--workspace',
      'none',
      '--',
      'sh',
      '-c',
      'echo ready; sleep 600',
    ])
    await living.said(/ready/)
    expect(await filesWith(host.home, placeholderCredential)).not.toEqual([])
    expect(await filesWith(host.home, realKey)).toEqual([])
    living.signalGroup('SIGINT')
    await living.ended
  })
})

async function credentialsSeen(host: ProductHost): Promise<readonly string[]> {
  return (await host.provider.served()).flatMap(({ credentials }) => Object.values(credentials))
}

async function filesWith(directory: string, text: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const contents = await Promise.all(files.map((file) => readFile(file, 'latin1')))
  return files.filter((_, index) => contents[index]?.includes(text))
}
