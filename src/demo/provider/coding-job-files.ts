/** The files of the demo's job: what lies in the workspace at first, and what the scripted model writes there. */

const iniPy = `"""A small INI reader: sections, key = value, comments, quoted values, defaults."""


class IniError(Exception):
    def __init__(self, message, line, column):
        super().__init__(f"{message} (line {line}, column {column})")
        self.line = line
        self.column = column


def parse(text, defaults=None):
    """Return {section: {key: value}}; keys before the first header belong to the section ''."""
    result = {"": dict(defaults or {})}
    section = ""
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in ";#":
            continue
        if line[0] == "[":
            if not line.endswith("]"):
                raise IniError("expected ]", number, len(raw) + 1)
            section = line[1:-1].strip()
            result.setdefault(section, {})
            continue
        key, equals, rest = line.partition("=")
        if not equals:
            raise IniError("expected =", number, len(raw) + 1)
        result[section][key.strip()] = value_of(rest.strip(), number, raw.index("=") + 2)
    return result


def value_of(text, line, column):
    """A quoted value keeps its spaces and comment signs; an unquoted one ends at the first comment sign."""
    if text[:1] == '"':
        end = text.find('"', 1)
        if end < 0:
            raise IniError("expected closing quote", line, column + len(text))
        return text[1:end]
    for sign in ";#":
        text = text.split(sign, 1)[0]
    return text.strip()
`

const sampleIni = `; settings of the example service
name = parrot

[server]
host = 127.0.0.1   # loopback only
port = 8080
banner = "ready ; steady # go"

[paths]
data = ./data
cache =
`

const packageJson = `{ "name": "ini-port", "private": true, "type": "module" }
`

/** The workspace before the job: path → content. */
export const codingJobFiles: Readonly<Record<string, string>> = {
  'ini.py': iniPy,
  'sample.ini': sampleIni,
  'package.json': packageJson,
}

const iniHead = String.raw`/** A small INI reader, ported from ini.py. */

export class IniError extends Error {
  constructor(message, line, column) {
    super(message + ' (line ' + line + ', column ' + column + ')')
    this.name = 'IniError'
    this.line = line
    this.column = column
  }
}

/** Returns { section: { key: value } }; keys before the first header belong to the section ''. */
export function parse(text, defaults = {}) {
  const result = { '': { ...defaults } }
  let section = ''
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith(';') || line.startsWith('#')) continue
    if (line.startsWith('[')) {
      if (!line.endsWith(']')) throw new IniError('expected ]', index + 1, raw.length + 1)
      section = line.slice(1, -1).trim()
      result[section] ??= {}
      continue
    }
    const equals = line.indexOf('=')
    if (equals < 0) throw new IniError('expected =', index + 1, raw.length + 1)
    const value = line.slice(equals + 1).trim()
    result[section][line.slice(0, equals).trim()] = valueOf(value, index + 1, raw.indexOf('=') + 2)
  }
  return result
}
`

/** Forgets that a quoted value may contain a comment sign, so that a test finds it. */
export const iniFirstTry = `${iniHead}
function valueOf(text, line, column) {
  const value = text.split(/[;#]/, 1)[0].trim()
  if (!value.startsWith('"')) return value
  const end = value.indexOf('"', 1)
  if (end < 0) throw new IniError('expected closing quote', line, column + text.length)
  return value.slice(1, end)
}
`

export const iniFixed = `${iniHead}
/** A quoted value keeps its spaces and comment signs; an unquoted one ends at the first comment sign. */
function valueOf(text, line, column) {
  if (!text.startsWith('"')) return text.split(/[;#]/, 1)[0].trim()
  const end = text.indexOf('"', 1)
  if (end < 0) throw new IniError('expected closing quote', line, column + text.length)
  return text.slice(1, end)
}
`

export const iniTest = String.raw`import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { IniError, parse } from './ini.js'

test('an empty file has one empty section', () => {
  assert.deepEqual(parse(''), { '': {} })
})

test('keys before the first header belong to the nameless section', () => {
  assert.deepEqual(parse('name = parrot\n[server]\nport=8080'), { '': { name: 'parrot' }, server: { port: '8080' } })
})

test('comments and blank lines are skipped', () => {
  assert.deepEqual(parse('; one\n\n  # two\nkey = value # three'), { '': { key: 'value' } })
})

test('a quoted value keeps its spaces and comment signs', () => {
  assert.deepEqual(parse('banner = "ready ; steady # go" ; said at start'), { '': { banner: 'ready ; steady # go' } })
})

test('defaults are there until a file overrides them', () => {
  assert.deepEqual(parse('b = 2', { a: '1', b: '1' }), { '': { a: '1', b: '2' } })
})

test('an error names its line and column', () => {
  for (const [text, line] of [['[open', 1], ['a = 1\nno equals sign', 2], ['a = "open', 1]]) {
    assert.throws(() => parse(text), (error) => error instanceof IniError && error.line === line && error.column > 0)
  }
})

test('the sample file reads as the Python version reads it', () => {
  assert.deepEqual(parse(readFileSync(new URL('./sample.ini', import.meta.url), 'utf8')), {
    '': { name: 'parrot' },
    server: { host: '127.0.0.1', port: '8080', banner: 'ready ; steady # go' },
    paths: { data: './data', cache: '' },
  })
})
`

export const notes = `# Port of ini.py

- \`parse(text, defaults)\` has the contract of the Python version: sections, keys before the first header under \`''\`,
  \`;\` and \`#\` comments, quoted values.
- \`IniError\` carries \`line\` and \`column\`, both counted from 1.
- Lines may end in LF or CRLF; a lone CR ends no line here, while Python's splitlines() would split there.
- Run the tests with \`node --test\`.
`
