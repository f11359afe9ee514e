/**
 * What the simulated model answers. The same request gets the same answer: a turn of the script when one applies,
 * otherwise a text made from the question. No model is asked.
 */
import { createHash } from 'node:crypto'
import type { Conversation } from './conversation.ts'
import { BYTES_PER_TOKEN, splitTokens } from './tokens.ts'

export interface ToolCall {
  readonly name: string
  /** An object for tools with a JSON schema, a text for OpenAI's custom tools. */
  readonly input: Readonly<Record<string, unknown>> | string
}

/** One answer of a scripted conversation. It is used when the request offers the tool that it calls. */
export interface ScriptedTurn {
  readonly text: string
  readonly toolCall?: ToolCall
}

export interface AnswerOptions {
  readonly script: readonly ScriptedTurn[]
  /** Length of the answers that no script gives; `undefined` lets the text end by itself. */
  readonly outputTokens: number | undefined
  /** Reasoning before each answer to a request that asks for reasoning. */
  readonly reasoningTokens: number
}

/** The parts of an answer as tokens. `toolCall` is given exactly when `stop` is `tool`. */
export interface Answer {
  readonly reasoning: readonly string[]
  readonly text: readonly string[]
  readonly toolCall: { readonly call: ToolCall; readonly input: readonly string[] } | undefined
  readonly stop: 'end' | 'tool' | 'limit'
}

export function composeAnswer(conversation: Conversation, options: AnswerOptions): Answer {
  const { text, toolCall } = scriptedTurn(conversation, options.script) ?? {
    text: plainText(conversation.question, options.outputTokens),
  }
  const reasoning = conversation.wantsReasoning
    ? splitTokens(fillerText(`reasoning ${conversation.question}`, options.reasoningTokens))
    : []
  const textTokens = splitTokens(text)
  const toolTokens = toolCall === undefined ? [] : splitTokens(inputText(toolCall))
  const roomTokens = (conversation.maxOutputTokens ?? Number.POSITIVE_INFINITY) - reasoning.length
  const isCut = textTokens.length + toolTokens.length > roomTokens
  return {
    reasoning: reasoning.slice(0, Math.max(0, reasoning.length + Math.min(0, roomTokens))),
    text: textTokens.slice(0, Math.max(0, Math.min(textTokens.length, roomTokens))),
    toolCall: toolCall === undefined || isCut ? undefined : { call: toolCall, input: toolTokens },
    stop: isCut ? 'limit' : toolCall === undefined ? 'end' : 'tool',
  }
}

export function outputTokensOf({ reasoning, text, toolCall }: Answer): number {
  return reasoning.length + text.length + (toolCall?.input.length ?? 0)
}

/** The input of a call as a provider streams it. */
export function inputText({ input }: ToolCall): string {
  return typeof input === 'string' ? input : JSON.stringify(input)
}

function scriptedTurn({ turn, offeredTools }: Conversation, script: readonly ScriptedTurn[]): ScriptedTurn | undefined {
  const tools = script.flatMap(({ toolCall }) => (toolCall === undefined ? [] : [toolCall.name]))
  return tools.every((name) => offeredTools.has(name)) ? script[turn] : undefined
}

function plainText(question: string, outputTokens: number | undefined): string {
  const asked = question.replaceAll(/[^\x20-\x7e]+/g, ' ').trim()
  const excerpt = asked.length > 60 ? `${asked.slice(0, 60)}...` : asked
  const opening = `Hi! You wrote: "${excerpt}". This is the simulated provider: no model was asked, nothing is billed.`
  if (outputTokens === undefined) return opening
  return `${opening} ${fillerText(question, outputTokens)}`.slice(0, outputTokens * BYTES_PER_TOKEN)
}

const sentences = [
  'The parser keeps a cursor and moves it forward one rule at a time.',
  'Each rule either consumes input or leaves the cursor where it was.',
  'A test for the empty file comes first, because everything else builds on it.',
  'The error names the line and the column, and then what was expected there.',
  'Comments are skipped before the key is read, so a key can never begin with one.',
  'Quoted values keep their spaces; everything else is trimmed.',
  'A section header ends the section before it, even when that one is empty.',
  'The caller gets plain objects, which compare by value in the tests.',
] as const

/** Exactly so many tokens of prose, chosen by the seed. ASCII, so that its length is its bytes. */
function fillerText(seed: string, tokens: number): string {
  const first = createHash('sha256').update(seed).digest().readUInt16BE()
  const length = tokens * BYTES_PER_TOKEN
  const parts: string[] = []
  for (let written = 0; written < length; ) {
    const sentence = `${sentences[(first + parts.length) % sentences.length]} `
    parts.push(sentence)
    written += sentence.length
  }
  return parts.join('').slice(0, length)
}
