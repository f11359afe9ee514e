import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestHost, type TestHost, testUsers } from './run-in-bottle.ts'

describe.each(testUsers)('a bubblewrap bottle $title', (user) => {
  let host: TestHost
  beforeAll(() => {
    host = openTestHost(user)
  })
  afterAll(() => host[Symbol.dispose]())

  function project(name: string): string {
    const folder = host.folder(name)
    writeFileSync(`${folder}/file`, 'before')
    return folder
  }

  const change = ['/bin/bash', '-c', 'pwd; cat file; rm file; echo after > new; touch ../outside; id -un'] as const

  it('works in the directory itself, at its own path, with the workspace direct', async () => {
    const folder = project('direct')
    const { stdout } = await host.run([...change], { workspace: { kind: 'direct', path: folder } })
    expect(stdout).toBe(`${folder}\nbeforeagent\n`)
    expect(existsSync(`${folder}/file`)).toBe(false)
    expect(readFileSync(`${folder}/new`, 'utf8')).toBe('after\n')
    expect(existsSync(`${folder}/../outside`)).toBe(false)
  })

  it.each(['layer', 'copy'] as const)(
    'works at the same path, and leaves the directory as it was, with the workspace %s',
    async (kind) => {
      const folder = project(kind)
      const { stdout, workspacePath } = await host.run([...change], { workspace: { kind, path: folder } })
      expect(stdout).toBe(`${folder}\nbeforeagent\n`)
      expect(readFileSync(`${folder}/file`, 'utf8')).toBe('before')
      expect(existsSync(`${folder}/new`)).toBe(false)
      expect(readFileSync(`${workspacePath}/new`, 'utf8')).toBe('after\n')
    },
  )

  it('keeps its home, with the files of its start, in its own directory', async () => {
    const directory = host.folder('kept')
    const options = { directory, homeFiles: { '.tool/config': 'configured' } }
    const { stdout } = await host.run(['/bin/bash', '-c', 'cd; pwd; cat .tool/config; echo 1 > history'], options)
    expect(stdout).toBe('/home/agent\nconfigured')
    expect(readFileSync(`${directory}/layers/home/upper/history`, 'utf8')).toBe('1\n')
  })

  it('shows further host paths read-only', async () => {
    const folder = project('shown')
    const { stdout } = await host.run(
      ['/bin/bash', '-c', `cat ${folder}/file; echo x > ${folder}/file || echo refused`],
      {
        readOnlyPaths: [folder],
      },
    )
    expect(stdout).toBe('beforerefused\n')
    expect(readFileSync(`${folder}/file`, 'utf8')).toBe('before')
  })

  it('finds its own CA in the system bundle and in the files that its variables name', async () => {
    const files = '/etc/ssl/certs/ca-certificates.crt "$NODE_EXTRA_CA_CERTS" "$SSL_CERT_FILE" "$CURL_CA_BUNDLE"'
    const { stdout } = await host.run(['/bin/bash', '-c', `grep -c Qk9UVExFLUNB ${files} | sed s/.*://`])
    expect(stdout).toBe('1\n1\n1\n1\n')
  })

  it('runs an uncontained program behind the explicit proxy only, and ends all of it', async () => {
    const token = `16180${process.pid}`
    const script = `curl -sS http://any.name.test/x; env -i sleep ${token} & (setsid sleep ${token} &); echo $HOME ready; sleep ${token}`
    const report = await host.run(['/bin/bash', '-c', script], { backend: 'none', until: 'ready', token })
    expect(report.connections.map(({ listener, localAddress }) => `${listener} ${localAddress}`)).toEqual([
      'proxy 127.0.0.1',
    ])
    expect(report.connections[0]?.firstBytes).toMatch(/^GET http:\/\/any\.name\.test\/x /)
    expect(report.processesBefore).toBeGreaterThan(0)
    expect(report.processesAfter).toBe(0)
  })
})
