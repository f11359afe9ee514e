import { expect, test } from 'vitest'
import { openaiEmbeddings } from './openai-embeddings.ts'
import { checkWireFormat, readText } from './wire-format.contract.ts'

checkWireFormat(openaiEmbeddings, [
  {
    title: 'reads embeddings: input, and no output (M04, M21)',
    file: 'embeddings.json',
    expected: {
      model: 'text-embedding-fixture',
      phase: 'complete',
      isFinal: true,
      anomalies: [],
      usage: { inputTokens: 23, outputTokens: 0 },
    },
    visibleText: '',
  },
  {
    title: 'an error body is failed and costs nothing that it does not report (M20)',
    file: 'error.json',
    expected: { model: undefined, phase: 'failed', isFinal: false, anomalies: [], usage: {} },
    visibleText: '',
  },
])

test('a request allows no output, so none is taken for unseen when it breaks off', () => {
  expect(openaiEmbeddings.readRequest([Buffer.from('{"input":"a","max_tokens":9}')], '')?.maxOutputTokens).toBe(0)
})

test('counts that cannot be true are rejected (M14)', () => {
  const reading = readText(openaiEmbeddings, 'json', '{"usage":{"prompt_tokens":-1,"total_tokens":1.5}}')
  expect(reading).toMatchObject({ isFinal: false, phase: 'complete' })
  expect(reading.anomalies).toHaveLength(2)
  expect(readText(openaiEmbeddings, 'json', '{"usage":7}').isFinal).toBe(false)
})
