import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { chown, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { typed } from '../fakes/command.ts'
import { openProductHost, type ProductHost } from '../fakes/product-host.ts'
import { testUsers } from '../fakes/test-user.ts'

describe.each(testUsers)('what a bottle changed, $title,', (user) => {
  let host: ProductHost
  beforeAll(async () => {
    host = await openProductHost({ user })
  })
  afterAll(() => host[Symbol.asyncDispose]())

  /** A directory of the user's with a few files. */
  async function project(name: string): Promise<string> {
    const path = join(host.directory, name)
    for (const folder of [path, join(path, 'src'), join(path, '.git'), join(path, '.git/hooks')]) await mkdir(folder)
    const files = { 'README.md': 'one\ntwo\nthree\n', 'src/a.js': 'a\n', 'src/b.js': 'b\n', '.git/config': '[core]\n' }
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text)
    const { uid } = user
    if (uid !== undefined)
      for (const file of ['', ...(await readdir(path, { recursive: true }))]) await chown(join(path, file), uid, uid)
    return path
  }

  async function change(path: string, script: string, ...options: string[]): Promise<{ id: string; stderr: string }> {
    const { stdout, stderr, exitCode } = await host.run(
      ['run', ...options, '--', 'bash', '-c', `hostname; ${script}`],
      { cwd: path },
    )
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
    return { id: stdout.split('\n', 1).join(''), stderr }
  }

  async function output(...args: string[]): Promise<string> {
    const { stdout, stderr, exitCode } = await host.run(args)
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
    return stdout
  }

  const script = 'sed -i s/two/2/ README.md; rm src/b.js; mkdir lib; echo new > lib/new.js; chmod +x src/a.js'

  test.each(['layer', 'copy'])('is counted, shown, applied and discarded (--workspace %s)', async (kind) => {
    const path = await project(`whole-${kind}`)
    const { id, stderr } = await change(path, script, '--workspace', kind)
    expect(stderr).toBe(
      `bot-bottle: 4 changes in the workspace: bot-bottle diff ${id} shows, apply ${id} takes over, kill ${id} drops\n`,
    )
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toBe('one\ntwo\nthree\n')
    expect(await output('diff', id, '--name-status')).toBe(
      'M  README.md\nA  lib/new.js\nM  src/a.js (mode 644 -> 755)\nD  src/b.js\n',
    )
    expect(await output('diff', id, '--stat')).toBe(
      'M  README.md  +1 -1\nA  lib/new.js  +1 -0\nM  src/a.js (mode 644 -> 755)  +0 -0\nD  src/b.js  +0 -1\n4 changes\n',
    )
    expect(await output('diff', id, 'README.md')).toBe(
      'diff --git a/README.md b/README.md\n--- a/README.md\n+++ b/README.md\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n',
    )
    expect(await output('discard', id, 'src/b.js', '--yes')).toBe('D  src/b.js\n')
    expect(await output('apply', id, 'lib', 'README.md', '--yes')).toBe('M  README.md\nA  lib/new.js\n')
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toBe('one\n2\nthree\n')
    expect(readFileSync(join(path, 'lib/new.js'), 'utf8')).toBe('new\n')
    expect(await output('diff', id, '--name-status')).toBe('M  src/a.js (mode 644 -> 755)\n')
    expect(await output('ps', '--all')).toMatch(new RegExp(`^${id} .* 1 change$`, 'm'))
    expect(await output('discard', id, '--yes')).toBe('M  src/a.js (mode 644 -> 755)\n')
    expect(await output('diff', id)).toBe('')
    expect(statSync(join(path, 'src/a.js')).mode & 0o777).toBe(0o644)
    await output('kill', id)
    expect(await host.run(['diff', id])).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('has no layer') })
  })

  test.each(['layer', 'copy'])('is nothing of what the user cannot read (--workspace %s)', async (kind) => {
    const path = await project(`unreadable-${kind}`)
    writeFileSync(join(path, 'secret'), 'of root', { mode: 0o600 })
    const { id } = await change(path, 'cat secret 2> /dev/null; echo x > src/c.js', '--workspace', kind)
    expect(await output('diff', id, '--name-status')).toBe('A  src/c.js\n')
    await output('apply', id, '--yes')
    expect(readFileSync(join(path, 'secret'), 'utf8')).toBe('of root')
  })

  test('is shown, applied and discarded while it runs', async () => {
    const path = await project('running')
    const running = host.start(
      ['run', '--', 'bash', '-c', `hostname; ${script}; echo ready; read -r line; cat README.md; ls`],
      {
        cwd: path,
        input: typed,
      },
    )
    const id = (await running.said(/^(run-\S+)\n[\s\S]*ready\n/))[1] ?? ''
    expect(await output('apply', id, 'lib', '--yes')).toBe('A  lib/new.js\n')
    await output('discard', id, 'README.md', 'src/b.js', '--yes')
    expect(await output('diff', id, '--name-status')).toBe('M  src/a.js (mode 644 -> 755)\n')
    running.type('\n')
    expect((await running.ended).stdout).toMatch(/ready\none\ntwo\nthree\nREADME.md\nlib\nsrc\n$/)
    expect(existsSync(join(path, 'lib/new.js'))).toBe(true)
  })

  test('is refused where the directory was changed as well, unless it is forced', async () => {
    const path = await project('conflict')
    const { id } = await change(path, 'echo bottle > src/a.js; echo bottle > README.md')
    writeFileSync(join(path, 'src/a.js'), 'host\n')
    const refused = await host.run(['apply', id, '--yes'])
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/src\/a\.js was changed in .*conflict since/),
    })
    expect(readFileSync(join(path, 'README.md'), 'utf8')).toBe('one\ntwo\nthree\n')
    await output('apply', id, '--force', '--yes')
    expect(readFileSync(join(path, 'src/a.js'), 'utf8')).toBe('bottle\n')
  })

  test('is left out where programs of the host obey it, unless it is named (S11)', async () => {
    const path = await project('risky')
    const { id } = await change(
      path,
      `echo evil > .git/hooks/pre-commit; echo evil >> .git/config; echo evil > .envrc; ln -s /etc/passwd out; echo fine > fine`,
    )
    const { stdout, stderr } = await host.run(['apply', id, '--yes'])
    expect(stdout).toBe('A  fine\n')
    for (const file of [
      '.git/hooks/pre-commit (git obeys it)',
      '.git/config',
      '.envrc',
      'out (it is a link that leads out',
    ]) {
      expect(stderr).toContain(file)
    }
    expect((await readdir(path)).sort()).toEqual(['.git', 'README.md', 'fine', 'src'])
    expect(await readdir(join(path, '.git/hooks'))).toEqual([])
    await output('apply', id, '.envrc', '--yes')
    expect(readFileSync(join(path, '.envrc'), 'utf8')).toBe('evil\n')
  })

  test('runs nothing that was planted, neither when it is shown and applied nor by git afterwards (S11)', async () => {
    const path = await project('planted')
    const asUser =
      user.uid === undefined ? [] : ['setpriv', `--reuid=${user.uid}`, `--regid=${user.uid}`, '--clear-groups']
    const git = (...args: string[]) => {
      const [file = '', ...words] = [...asUser, 'git', '-c', 'user.name=u', '-c', 'user.email=u@test', ...args]
      return execFileSync(file, words, {
        cwd: path,
        env: { PATH: process.env.PATH, HOME: host.userHome },
        encoding: 'utf8',
      })
    }
    git('init', '--quiet')
    git('add', '--all')
    git('commit', '--quiet', '--message', 'first')
    const canary = join(path, 'canary')
    const { id } = await change(
      path,
      `printf '#!/bin/sh\ntouch ${canary}\n' > evil; chmod +x evil; evil=$PWD/evil
      for hook in pre-commit post-checkout post-index-change fsmonitor-watchman; do cp evil .git/hooks/$hook; done
      git config core.fsmonitor $evil; git config core.hooksPath $PWD; git config filter.x.clean $evil; git config diff.external $evil
      git config filter.x.smudge $evil; git config core.pager $evil; cp evil pre-commit
      echo '* filter=x diff=x' > .gitattributes; mkdir -p .git/info; echo '* filter=x' > .git/info/attributes
      echo changed > README.md; rm canary 2> /dev/null; true`,
    )
    expect(await output('diff', id, '--name-status')).toContain('M  .git/config\n')
    expect((await output('diff', id, '--stat')) + (await output('diff', id))).toContain('+changed')
    await output('apply', id, '--yes')
    expect(readFileSync(join(path, '.gitattributes'), 'utf8')).toContain('filter=x')
    expect(git('status', '--porcelain')).toContain('README.md')
    expect(git('diff')).toContain('+changed')
    git('add', '--all')
    git('commit', '--quiet', '--message', 'second')
    git('checkout', '--quiet', 'HEAD~')
    expect(existsSync(canary)).toBe(false)
  })

  test('is told in JSON, and of the home too', async () => {
    const path = await project('json')
    const { id } = await change(path, 'echo new > new; echo x > ~/note')
    expect(await host.json(['diff', id])).toEqual({
      bottleId: id,
      originalPath: path,
      form: 'overlay',
      changes: [
        {
          path: 'new',
          kind: 'added',
          before: null,
          after: { type: 'file', mode: 0o644, sizeBytes: 4 },
          isConflict: false,
        },
      ],
    })
    expect(await output('diff', id, '--home', '--name-status')).toBe('A  note\n')
    expect(await host.json(['apply', id, '--yes'])).toEqual({ applied: ['new'], changedMeanwhile: [], leftOut: [] })
    expect(await host.json(['discard', id, '--home', '--yes'])).toEqual({ discarded: ['note'] })
  })

  test('is never written outside of the directory, and asks first', async () => {
    const path = await project('outside')
    const { id } = await change(path, 'echo x > x')
    for (const outside of ['../x', '/etc/passwd', '.']) {
      expect(await host.run(['apply', id, outside, '--yes'])).toMatchObject({ exitCode: 2, stdout: '' })
    }
    expect(await host.run(['apply', id])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') })
    expect(await host.run(['discard', id])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('--yes') })
    expect(existsSync(join(path, 'x'))).toBe(false)
  })

  test('is printed inert (S16)', async () => {
    const path = await project('inert')
    const { id } = await change(path, `printf 'a\\e]52;c;x\\a\\u202e\\tb\\n' > $'na\\e[2Jme'`)
    const shown =
      (await output('diff', id)) + (await output('diff', id, '--stat')) + (await output('diff', id, '--json'))
    expect(shown).toContain('+a\\u001b]52;c;x\\u0007\\u202e\tb')
    for (const active of ['\x1b', '\x07', '\u202e']) expect(shown).not.toContain(active)
    expect(await output('diff', id, '--raw')).toContain('+a\x1b]52;c;x\x07\u202e\tb\n')
  })
})
