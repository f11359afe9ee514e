import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { installPathsOf } from './install-paths.ts'

describe('installPathsOf', () => {
  let root: string
  let home: string
  beforeEach(() => {
    root = realpathSync(mkdtempSync(path.join(tmpdir(), 'bot-bottle-install-')))
    home = path.join(root, 'home')
    program('node24/bin/node')
  })
  afterEach(() => rmSync(root, { recursive: true }))

  function program(relative: string, content = 'binary'): string {
    const file = path.join(root, relative)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, content)
    chmodSync(file, 0o755)
    return file
  }

  function link(relative: string, target: string): string {
    const file = path.join(root, relative)
    mkdirSync(path.dirname(file), { recursive: true })
    symlinkSync(target, file)
    return file
  }

  /** With the root cut off, so that tables can be read. */
  function pathsOf(command: string) {
    const found = installPathsOf(command, {
      nodePath: path.join(root, 'node24/bin/node'),
      hidden: [home, path.join(root, 'state/bottle')],
    })
    const short = (file: string) => file.replace(`${root}/`, '')
    return {
      readOnly: found.readOnly.map(short),
      symlinks: found.symlinks.map(([file, target]) => `${short(file)} -> ${short(target)}`),
      binFolders: found.binFolders.map(short),
    }
  }

  it('needs nothing for a program of the system', () => {
    expect(pathsOf('/usr/bin/env')).toEqual({ readOnly: [], symlinks: [], binFolders: [] })
  })

  it('shows the outermost node_modules of a package, and Node for its script', () => {
    program('app/node_modules/tool/cli.js', '#!/usr/bin/env node\n')
    expect(pathsOf(link('app/node_modules/.bin/tool', '../tool/cli.js'))).toEqual({
      readOnly: ['app/node_modules', 'node24/bin/node'],
      symlinks: [],
      binFolders: ['app/node_modules/.bin', 'node24/bin'],
    })
  })

  it('prefers the Node that lies beside a globally installed script, with its npm', () => {
    program('nvm/bin/node')
    program('nvm/lib/node_modules/npm/npm-cli.js')
    link('nvm/bin/npm', '../lib/node_modules/npm/npm-cli.js')
    program('nvm/lib/node_modules/tool/cli.js', '#!/usr/bin/env node\n')
    expect(pathsOf(link('nvm/bin/tool', '../lib/node_modules/tool/cli.js'))).toEqual({
      readOnly: ['nvm/lib/node_modules', 'nvm/bin/node'],
      symlinks: [
        'nvm/bin/tool -> ../lib/node_modules/tool/cli.js',
        'nvm/bin/npm -> ../lib/node_modules/npm/npm-cli.js',
      ],
      binFolders: ['nvm/bin'],
    })
  })

  it('keeps a symlink in the home a symlink, so nothing beside it is shown', () => {
    program('home/.local/share/tool/versions/1.0')
    expect(pathsOf(link('home/.local/bin/tool', `${root}/home/.local/share/tool/versions/1.0`))).toEqual({
      readOnly: ['home/.local/share/tool/versions'],
      symlinks: ['home/.local/bin/tool -> home/.local/share/tool/versions/1.0'],
      binFolders: ['home/.local/bin'],
    })
  })

  it('shows the whole prefix of a program that has libraries beside its bin', () => {
    program('opt/tool/lib/tool.so')
    expect(pathsOf(program('opt/tool/bin/tool')).readOnly).toEqual(['opt/tool'])
  })

  it('follows the shebang to an interpreter of its own', () => {
    program('venv/lib/x')
    program('venv/bin/python3')
    expect(pathsOf(program('scripts/tool', `#!${root}/venv/bin/python3 -I\n`))).toMatchObject({
      readOnly: ['scripts', 'venv'],
      binFolders: ['scripts', 'venv/bin'],
    })
  })

  describe('for a script of the project, whose author is not trusted (S17)', () => {
    const key = () => {
      const file = path.join(root, 'home/.ssh/id')
      mkdirSync(path.dirname(file), { recursive: true })
      writeFileSync(file, 'secret', { mode: 0o600 })
      return file
    }

    it.each([
      ['its shebang', () => `#!${key()}\n`],
      ['its shebang by env', () => `#!/usr/bin/env ../home/.ssh/${path.basename(key())}\n`],
      [
        'that of an interpreter beside it',
        () => `#!/usr/bin/env ${path.basename(program('project/sh', `#!${key()}\n`))}\n`,
      ],
    ])('follows %s to no file that nothing would run', (_, shebang) => {
      expect(pathsOf(program('project/tool', shebang())).readOnly).toEqual(['project'])
    })

    it('shows an interpreter without what lies beside it', () => {
      const other = program('other-project/build')
      expect(pathsOf(program('project/tool', `#!${other}\n`)).readOnly).toEqual(['project', 'other-project/build'])
    })
  })

  it.each([
    ['home/tool', 'lies in the home itself'],
    ['tool', 'lies above the home'],
    ['state/tool', "lies above the bottle's directory"],
  ])('shows %s alone, since it %s', (relative) => {
    mkdirSync(path.join(root, 'state/bottle'), { recursive: true })
    expect(pathsOf(program(relative)).readOnly).toEqual([relative])
  })

  it('never shows .local of a home as a prefix', () => {
    program('home/.local/lib/secret')
    expect(pathsOf(program('home/.local/bin/tool')).readOnly).toEqual(['home/.local/bin'])
  })

  it('says that a program does not exist, also behind a broken symlink or a circle of them', () => {
    const missing = expect.objectContaining({ code: 'not_found' })
    expect(() => pathsOf(path.join(root, 'nothing'))).toThrow(missing)
    expect(() => pathsOf(link('broken', 'nothing'))).toThrow(missing)
    expect(() => pathsOf(link('circle', 'circle'))).toThrow(missing)
  })
})
