/** `env`: variables inside the bottle, and which of them are not for a file to set. */
import { quote } from './bounded-yaml.ts'
import { key, named } from './collection-notations.ts'
import type { EnvironmentValue, Sourced } from './definition.ts'
import { converted, type Notation, sourced } from './notation.ts'
import { text } from './scalar-notations.ts'

const maxNameLength = 128
const variablePattern = `^[A-Za-z_][A-Za-z0-9_]{0,${maxNameLength - 1}}$`
const variable = new RegExp(variablePattern)

/** Why a text is no variable of a bottle, as the end of a sentence that begins with it. */
export function variableFault(name: string): string | undefined {
  if (!variable.test(name))
    return `is no name of a variable: at most ${maxNameLength} letters, digits and _, not beginning with a digit`
  const reserved = reservedVariables.find(({ names }) => names.has(name))
  if (reserved) return reserved.why
  return name.startsWith('BOT_BOTTLE_') ? "is one of bot-bottle's own variables; choose another name" : undefined
}

/** The rest of a program's environment may be chosen freely: it changes what runs in the bottle, not what leaves it. */
const reservedVariables: readonly { readonly names: ReadonlySet<string>; readonly why: string }[] = [
  { names: new Set(['__proto__']), why: 'is no name that can be passed on; choose another name' },
  {
    names: new Set(['HOME', 'PATH', 'PWD', 'USER', 'LOGNAME', 'SHELL']),
    why: 'is set by the sandbox, whose paths and user are not those of the host; remove it',
  },
  {
    names: new Set([
      ...['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'NO_PROXY'].flatMap((name) => [name, name.toLowerCase()]),
      'NODE_USE_ENV_PROXY',
    ]),
    why: 'is set by the sandbox: the only way out of a bottle is its own proxy; remove it',
  },
  {
    names: new Set([
      'NODE_EXTRA_CA_CERTS',
      'DENO_CERT',
      'SSL_CERT_FILE',
      'SSL_CERT_DIR',
      'CURL_CA_BUNDLE',
      'REQUESTS_CA_BUNDLE',
      'PIP_CERT',
      'GIT_SSL_CAINFO',
      'CODEX_CA_CERTIFICATE',
      'CARGO_HTTP_CAINFO',
      'AWS_CA_BUNDLE',
      'NIX_SSL_CERT_FILE',
      'GRPC_DEFAULT_SSL_ROOTS_FILE_PATH',
      'JAVA_TOOL_OPTIONS',
    ]),
    why: "is set by the sandbox: without the bottle's own certificate every connection would fail; remove it",
  },
  {
    // Safety: with `--sandbox none` the shell that starts the program is the host's.
    names: new Set(['LD_PRELOAD', 'LD_AUDIT']),
    why: 'puts code into every program, also into those that open the bottle; set it in a script that your program starts',
  },
]

/** What is typed for such a variable is not shown. */
const secretName = /TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|KEY/i

function variableNotation(name: string): Notation<Sourced<EnvironmentValue>> {
  const isNamedSecret = secretName.test(name)
  return sourced(
    converted<string, EnvironmentValue>(variableText, {
      from(written, node, { path, report }) {
        if (!written.startsWith('?')) return { kind: 'text', text: written }
        // Doubled, it is a text that begins with one.
        if (written.startsWith('??')) return { kind: 'text', text: written.slice(1) }
        const isSecret = isNamedSecret || written.startsWith('?!')
        const message = written.replace(/^\?!?/, '').trim()
        if (message !== '') return { kind: 'ask', message, isSecret }
        report(node, `${path}: ${quote(written)} asks nothing; write the question after it, e.g. "?Which ${name}?"`)
        return undefined
      },
      to(value) {
        if (value.kind === 'text') return value.text.startsWith('?') ? `?${value.text}` : value.text
        return `${value.isSecret && !isNamedSecret ? '?!' : '?'}${value.message}`
      },
    }),
  )
}

const variableText = text({
  expected: 'a text, or a question for the start such as "?Which branch?"',
  mayBeEmpty: true,
  fault: (value) => (value.includes('\0') ? 'has a NUL character, which no variable can hold' : undefined),
})

export const env = key(
  'Variables inside the bottle. "?message" asks at start; what is typed is hidden where the name speaks of a secret (TOKEN, KEY, PASSWORD, …) and after "?!". "??" begins a text with one "?".',
  named({
    value: variableNotation,
    name(written) {
      const fault = variableFault(written)
      return fault ? { kind: 'fault', why: `${quote(written)} ${fault}` } : { kind: 'name', name: written }
    },
    schema: { propertyNames: { pattern: variablePattern }, value: variableText.schema },
  }),
)
