import { describe, expect, test } from 'vitest'
import type { WireFormatName } from './format.ts'
import { wireFormats } from './formats/formats.ts'
import { meteringFault } from './metering-fault.ts'
import { maxProviderTools } from './provider-tools.ts'

function toolsOf(format: WireFormatName, body: string, chunkBytes = 1000): readonly string[] | undefined {
  const bytes = Buffer.from(body)
  const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (__, index) =>
    bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
  )
  return wireFormats[format].readRequest(chunks, '/v1beta/models/m:generateContent')?.providerTools
}

const anthropicClientTools = [
  { name: 'Read', input_schema: { properties: { type: { type: 'web_search_20250305' } } } },
  { name: 'a', type: 'custom' },
  { name: 'b', type: null },
  ...['bash_20250124', 'text_editor_20250728', 'computer_20251124', 'memory_20250818', 'computer_toolset_20260801'].map(
    (type) => ({ type }),
  ),
  { type: 'tool_search_tool_regex_20251119' },
]
const codexTools = [
  { type: 'custom', name: 'exec' },
  { type: 'namespace', name: 'functions', tools: [{ type: 'function' }, { type: 'custom' }] },
  { type: 'shell', environment: { type: 'local' } },
  { type: 'local_shell' },
  { type: 'computer_use_preview', environment: 'browser' },
]

describe('what clients run themselves asks the provider for nothing', () => {
  test.each<[WireFormatName, object]>([
    ['anthropic-messages', { tools: anthropicClientTools, mcp_servers: [] }],
    ['anthropic-messages', { messages: [{ role: 'user', content: '{"type":"web_search_20250305"}' }] }],
    ['anthropic-messages', { messages: [{ content: [{ type: 'image', source: { type: 'base64', data: 'QUJD' } }] }] }],
    ['openai-responses', { tools: codexTools }],
    ['openai-responses', { input: [{ type: 'additional_tools', tools: codexTools }, { content: [{ type: 'x' }] }] }],
    ['openai-responses', { input: 'web_search', prompt: null, tools: [] }],
    ['openai-responses', { input: [{ content: [{ image_url: `data:image/png;base64,${'QUJD'.repeat(99)}` }] }] }],
    ['openai-chat', { tools: [{ type: 'function', function: { name: 'web_search' } }], web_search_options: null }],
    [
      'openai-chat',
      { messages: [{ content: [{ image_url: { url: `data:image/png;base64,${'QUJD'.repeat(99)}` } }] }] },
    ],
    ['openai-responses', { conversation: null }],
    ['openai-embeddings', { input: ['web_search'] }],
    ['gemini', { tools: [{ functionDeclarations: [{ name: 'googleSearch' }] }, { computer_use: {} }, {}] }],
    [
      'gemini',
      {
        contents: [{ parts: [{ fileData: { fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/x' } }] }],
      },
    ],
  ])('%s %j', (format, body) => {
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(toolsOf(format, JSON.stringify(body), size)).toEqual([])
  })
})

describe('what the provider would run itself is seen (M21)', () => {
  test.each<[WireFormatName, string, readonly string[]]>([
    [
      'anthropic-messages',
      '{"tools":[{"name":"a"},{"type":"web_search_20250305","name":"web_search"}]}',
      ['web_search'],
    ],
    [
      'anthropic-messages',
      '{"tools":[{"type":"web_fetch_20260318"},{"type":"code_execution_20260521"}]}',
      ['web_fetch', 'code_execution'],
    ],
    ['anthropic-messages', '{"tools":[{"type":"web_search_20250305"},{"type":"web_search_20260209"}]}', ['web_search']],
    [
      'anthropic-messages',
      '{"tools":[{"type":"advisor_20260301"},{"type":"mcp_toolset"},{"type":"custom"}]}',
      ['advisor', 'mcp_toolset'],
    ],
    ['anthropic-messages', '{"mcp_servers":[{"url":"https://x.test"}]}', ['mcp']],
    ['anthropic-messages', '{"tools":[{"ty\\u0070e":"\\u0077eb_search_20250305"}]}', ['web_search']],
    ['anthropic-messages', '{"tools":[{"type":"custom","type":"web_search_20250305"}]}', ['web_search']],
    ['anthropic-messages', '{"tools":[{"type":"web_search_20250305"}],"tools":[]}', ['web_search']],
    [
      'anthropic-messages',
      '{"messages":[{"role":"system","content":[{"type":"tool_addition","tool":{"type":"tool_definition","definition":{"type":"web_fetch_20250910"}}}]}]}',
      ['web_fetch'],
    ],
    [
      'anthropic-messages',
      '{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://x.test"}}]}]}',
      ['url_source'],
    ],
    [
      'anthropic-messages',
      '{"messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"url"}}]}]}]}',
      ['url_source'],
    ],
    [
      'anthropic-messages',
      '{"messages":[{"content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url"}}]}}]}]}',
      ['url_source'],
    ],
    [
      'anthropic-messages',
      '{"messages":[{"content":[{"content":[{"source":{"type":"content","content":[{"source":{"type":"url"}}]}}]}]}]}',
      ['url_source'],
    ],
    [
      'openai-responses',
      '{"tools":[{"type":"web_search"},{"type":"web_search_preview_2025_03_11"}]}',
      ['web_search', 'web_search_preview'],
    ],
    [
      'openai-responses',
      '{"tools":[{"type":"mcp"},{"type":"file_search"},{"type":"code_interpreter"},{"type":"image_generation"}]}',
      ['mcp', 'file_search', 'code_interpreter', 'image_generation'],
    ],
    ['openai-responses', '{"input":[{"type":"additional_tools","tools":[{"type":"web_search"}]}]}', ['web_search']],
    ['openai-responses', '{"tools":[{"type":"namespace","tools":[{"type":"mcp"}]}]}', ['mcp']],
    ['openai-responses', '{"tools":[{"type":"namespace","tools":[{"type":"namespace","tools":[]}]}]}', ['namespace']],
    ['openai-responses', '{"tools":[{"type":"shell","environment":{"type":"container_auto"}}]}', ['hosted_shell']],
    ['openai-responses', '{"prompt":{"id":"pmpt_1"}}', ['stored_prompt']],
    ['openai-responses', '{"conversation":{"id":"conv_1"}}', ['conversation']],
    ['openai-responses', '{"conversation":"conv_1"}', ['conversation']],
    [
      'openai-responses',
      '{"input":[{"content":[{"type":"input_image","image_url":"https://x.test/?secret"}]}]}',
      ['url_source'],
    ],
    ['openai-responses', '{"input":[{"content":[{"type":"input_file","file_url":"https://x.test"}]}]}', ['url_source']],
    ['openai-responses', '{"tools":[{"type":"a b\\n\\u001b]52;"}]}', ['a?b???52?']],
    ['openai-responses', '{"tools":[{"type":7},{"type":{"a":1}}]}', ['7', '??a?:1?']],
    ['openai-chat', '{"web_search_options":{}}', ['web_search']],
    ['openai-chat', '{"model":"gpt-4o-search-preview","messages":[]}', ['web_search']],
    ['openai-chat', '{"model":"gpt-5-search-api-2025-10-14","web_search_options":{"a":1}}', ['web_search']],
    ['openai-chat', '{"search_parameters":{"mode":"auto"},"plugins":[{"id":"web"}]}', ['web_search', 'plugins']],
    ['openai-chat', '{"messages":[{"content":[{"image_url":{"url":"https://x.test"}}]}]}', ['url_source']],
    ['openai-chat', '{"messages":[{"content":[{"image_url":"https://x.test"}]}]}', ['url_source']],
    ['openai-chat', '{"messages":[{"content":[{"video_url":{"url":"https://x.test"}}]}]}', ['url_source']],
    ['openai-chat', '{"model":"openai/gpt-5:online"}', ['web_search']],
    [
      'gemini',
      '{"tools":[{"googleSearch":{}},{"url_context":{}},{"codeExecution":{}}]}',
      ['google_search', 'url_context', 'code_execution'],
    ],
    ['gemini', '{"tools":{"google\\u0053earch":{}}}', ['google_search']],
    ['gemini', '{"tools":[{"functionDeclarations":[],"fileSearch":{}}]}', ['file_search']],
    ['gemini', '{"contents":[{"parts":[{"file_data":{"fileUri":"https://x.test"}}]}]}', ['url_source']],
    ['gemini', '{"contents":{"parts":{"fileData":{"file_uri":"https://x.test"}}}}', ['url_source']],
    [
      'gemini',
      '{"contents":[{"parts":[{"functionResponse":{"parts":[{"fileData":{"fileUri":"gs://x"}}]}}]}]}',
      ['url_source'],
    ],
    ['gemini', '{"cached_content":"cachedContents/1"}', ['stored_prompt']],
  ])('%s %s', (format, body, expected) => {
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(toolsOf(format, body, size)).toEqual(expected)
  })

  test('also where the name is longer than anything that is kept', () => {
    const [name = ''] = toolsOf('openai-responses', `{"tools":[{"type":"function${'n'.repeat(5000)}"}]}`, 100) ?? []
    expect(name).toMatch(/^functionn+$/)
    expect(name.length).toBeLessThan(70)
    expect(toolsOf('gemini', `{"tools":[{"functionDeclarations${'n'.repeat(5000)}":{}}]}`, 100)).toHaveLength(1)
  })

  test('as long as there are not too many: such a request is unreadable', () => {
    const body = (count: number) =>
      JSON.stringify({ tools: Array.from({ length: count }, (__, index) => ({ type: `tool-${index}` })) })
    expect(toolsOf('openai-responses', body(maxProviderTools))).toHaveLength(maxProviderTools)
    expect(toolsOf('openai-responses', body(maxProviderTools + 1))).toBeUndefined()
  })
})

describe('a request that a server may read otherwise which does not look at the case of names is unreadable (I3)', () => {
  test.each<[WireFormatName, string]>([
    ['anthropic-messages', '{"Tools":[{"type":"web_search_20250305"}]}'],
    ['anthropic-messages', '{"tools":[{"TYPE":"web_search_20250305"}]}'],
    ['anthropic-messages', '{"tools":[],"MCP_servers":[{}]}'],
    ['openai-responses', '{"too\\u006cs":[],"tool\u017f":[{"type":"web_search"}]}'],
    ['openai-responses', '{"bac\u212aground":true}'],
    ['openai-responses', '{"bac\\u212aground":true}'],
    ['openai-responses', '{"input":[{"Tools":[{"type":"web_search"}]}]}'],
    ['openai-chat', '{"Max_Tokens":100000,"max_tokens":1}'],
    ['openai-chat', '{"N":100}'],
    ['openai-chat', '{"stream":true,"Stream_Options":{"include_usage":false}}'],
    ['gemini', '{"tools":[{"functionDeclarations":[]}],"TOOLS":[{"googleSearch":{}}]}'],
  ])('%s %s', (format, body) => {
    for (const size of [1, 2, 3, 7, 64, 1000]) expect(toolsOf(format, body, size)).toBeUndefined()
  })
})

describe('a request that cannot be metered', () => {
  const reading = {
    model: 'm',
    maxOutputTokens: undefined,
    answerCount: 1,
    previousResponseId: undefined,
    stream: true,
    background: false,
    providerTools: [],
  }

  test.each([
    ['no JSON object', undefined, /not the JSON object/],
    ['a background response', { ...reading, background: true }, /out of sight/],
    ['another form of answer', { ...reading, unmeteredForm: '?alt=proto' }, /^the query \?alt=proto may ask/],
    [
      'tools of the provider',
      { ...reading, providerTools: ['mcp', 'web_search'] },
      /^"mcp" would be run by the provider.*provider_tools/,
    ],
  ])('says why: %s', (_, asked, why) => {
    expect(meteringFault(asked, { providerTools: ['web_search'] })).toMatch(why)
  })

  test('is one no longer once its tools are allowed', () => {
    expect(
      meteringFault({ ...reading, providerTools: ['web_search'] }, { providerTools: ['web_search', 'mcp'] }),
    ).toBeUndefined()
    expect(meteringFault(reading, { providerTools: [] })).toBeUndefined()
  })
})
