/** Texts, words of a closed list, truth values and whole numbers. */
import { foundInWords } from './bounded-yaml.ts'
import { type JsonSchema, type Notation, suggestion, unexpected, wrong } from './notation.ts'

export interface TextRules {
  /** Completes the sentence "expected …". */
  readonly expected: string
  /** Why a text is none of these and what would work, as the end of a sentence that begins with it. */
  readonly fault?: (text: string) => string | undefined
  /** What is found is not shown, since it could be a secret. */
  readonly isHidden?: boolean
  readonly mayBeEmpty?: boolean
  readonly schema?: JsonSchema
}

/** A text that every reader of YAML takes for one: a number or a truth value must be quoted. */
export function text({ expected, fault, isHidden = false, mayBeEmpty = false, schema }: TextRules): Notation<string> {
  return {
    read(node, reading) {
      if (node.kind !== 'scalar') return unexpected(node, reading, expected)
      if (!node.isText) {
        return wrong(node, reading, `found ${node.text}, which is no text in YAML; write ${JSON.stringify(node.text)}`)
      }
      if (node.text === '' && !mayBeEmpty) return unexpected(node, reading, expected)
      const why = fault?.(node.text)
      if (why === undefined) return node.text
      return wrong(node, reading, `${isHidden ? 'what is written here' : foundInWords(node)} ${why}`)
    },
    print: (value) => value,
    schema: { type: 'string', ...(!mayBeEmpty && { minLength: 1 }), ...schema },
  }
}

export function oneOf<const Word extends string>(words: readonly Word[]): Notation<Word> {
  const expected = inWords(words)
  return {
    read(node, reading) {
      if (node.kind !== 'scalar') return unexpected(node, reading, expected)
      const word = words.find((candidate) => candidate === node.text)
      return word ?? wrong(node, reading, `expected ${expected}, found ${foundInWords(node)}${guess(node.text, words)}`)
    },
    print: (word) => word,
    schema: { enum: words },
  }
}

function inWords(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function guess(word: string, words: readonly string[]): string {
  const said = suggestion(word, words)
  return said.startsWith('did') ? `; ${said}` : ''
}

export const truth: Notation<boolean> = {
  read(node, reading) {
    if (node.kind === 'scalar' && !node.isQuoted && node.text === 'true') return true
    if (node.kind === 'scalar' && !node.isQuoted && node.text === 'false') return false
    return unexpected(node, reading, 'true or false')
  },
  print: (value) => value,
  schema: { type: 'boolean' },
}

export type ParsedNumber =
  | { readonly kind: 'number'; readonly value: number }
  /** Why, and what would work: completes the sentence "found 1e9; …". */
  | { readonly kind: 'fault'; readonly why: string }

/** A number in the one spelling that `parse` reads. A quoted one is a text: what holds must not depend on the reader of YAML. */
export function number(rules: {
  readonly expected: string
  readonly parse: (text: string) => ParsedNumber
  readonly schema: JsonSchema
}): Notation<number> {
  const { expected, parse, schema } = rules
  return {
    read(node, reading) {
      if (node.kind === 'nothing') {
        return wrong(node, reading, `found nothing; write ${expected}, or remove the line`)
      }
      const found = `found ${foundInWords(node)}`
      if (node.kind !== 'scalar') return wrong(node, reading, `${found}; ${expected} is expected`)
      const parsed = parse(node.text)
      if (!node.isQuoted)
        return parsed.kind === 'number' ? parsed.value : wrong(node, reading, `${found}; ${parsed.why}`)
      const advice = parsed.kind === 'number' ? `write ${parsed.value} without quotes` : `${expected} is expected`
      return wrong(node, reading, `${found}; ${advice}`)
    },
    print: (value) => value,
    schema,
  }
}

/** A whole number within bounds, in plain digits. */
export function wholeNumber({
  minimum,
  maximum,
}: {
  readonly minimum: number
  readonly maximum: number
}): Notation<number> {
  const expected = `a whole number from ${minimum} to ${maximum}`
  return number({
    expected,
    parse(text) {
      const value = /^(?:0|[1-9]\d{0,15})$/.test(text) ? Number(text) : Number.NaN
      if (value >= minimum && value <= maximum) return { kind: 'number', value }
      return { kind: 'fault', why: `${expected} is expected` }
    },
    schema: { type: 'integer', minimum, maximum },
  })
}
