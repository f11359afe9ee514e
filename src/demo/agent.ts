/**
 * The demo's agent: a loop of model and tools as anybody would write it with the official SDK. It reads its key from
 * ANTHROPIC_API_KEY and calls api.anthropic.com; it knows nothing of proxies, bottles or budgets.
 *
 * Exit code 0 when the model ends its work, 1 when the API refuses or the turns run out.
 */
import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import Anthropic from '@anthropic-ai/sdk'

const MODEL = 'claude-opus-4-8'
const MAX_TURNS = 20
const MAX_OUTPUT_TOKENS = 8_192
const TEST_TIMEOUT_MS = 20_000
const MAX_REPORT_CHARACTERS = 6_000
const LINE_WIDTH = 100
/** A stream that breaks is asked for once more, as most agents do. */
const MAX_ATTEMPTS = 2

const SYSTEM = `You are a careful programmer who works in the current directory. Read before you write. Keep changes
small, follow the style of the files that are there, and write tests whose titles are sentences about behaviour. Run the
tests after each change and mend what fails before you go on. Say in a few sentences what you are about to do and why,
then call one tool. When the work is done, sum up what changed, what was tested and what is left open, and call none.`

const tools: Anthropic.Tool[] = [
  {
    name: 'read_file',
    description: 'Returns the content of a text file.',
    input_schema: { type: 'object', properties: { path: { type: 'string' } }, required: ['path'] },
  },
  {
    name: 'write_file',
    description: 'Creates a text file or replaces its content.',
    input_schema: {
      type: 'object',
      properties: { path: { type: 'string' }, content: { type: 'string' } },
      required: ['path', 'content'],
    },
  },
  {
    name: 'run_tests',
    description: 'Runs all tests and returns their report.',
    input_schema: { type: 'object', properties: {} },
  },
]

const client = new Anthropic()
const workspace = process.cwd()
const task = process.argv[2] ?? 'Port the INI parser in ini.py to JavaScript (ini.js), and write tests for it.'

async function work(): Promise<boolean> {
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: task }]
  console.log(`task: ${task}`)
  for (let turn = 1; turn <= MAX_TURNS; turn += 1) {
    console.log(`\n--- turn ${turn}`)
    const message = await askTwice(messages)
    messages.push({ role: 'assistant', content: message.content })
    const results: Anthropic.ToolResultBlockParam[] = []
    for (const block of message.content) {
      if (block.type !== 'tool_use') continue
      results.push({ type: 'tool_result', tool_use_id: block.id, ...(await runTool(block.name, block.input)) })
    }
    if (results.length === 0) return true
    messages.push({ role: 'user', content: results })
  }
  console.log(`gave up after ${MAX_TURNS} turns`)
  return false
}

async function askTwice(messages: Anthropic.MessageParam[]): Promise<Anthropic.Message> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask(messages)
    } catch (error) {
      const isBrokenStream = error instanceof Anthropic.APIError && error.status === undefined
      if (!isBrokenStream || attempt === MAX_ATTEMPTS) throw error
      console.log(`${describe(error)}\nthe stream broke; asking once more`)
    }
  }
}

async function ask(messages: Anthropic.MessageParam[]): Promise<Anthropic.Message> {
  const stream = client.messages.stream({
    model: MODEL,
    max_tokens: MAX_OUTPUT_TOKENS,
    cache_control: { type: 'ephemeral' },
    system: SYSTEM,
    tools,
    messages,
  })
  let line = ''
  stream.on('text', (text) => {
    line += text
    while (line.length > LINE_WIDTH) {
      const end = line.lastIndexOf(' ', LINE_WIDTH)
      console.log(`  ${line.slice(0, end === -1 ? LINE_WIDTH : end)}`)
      line = line.slice(end === -1 ? LINE_WIDTH : end + 1)
    }
  })
  try {
    return await stream.finalMessage()
  } finally {
    if (line !== '') console.log(`  ${line}`)
  }
}

async function runTool(name: string, input: unknown): Promise<{ content: string; is_error?: true }> {
  const { path = '', content = '' } = input as { path?: string; content?: string }
  console.log(`  > ${name}${path === '' ? '' : ` ${path}`}${content === '' ? '' : ` (${content.length} characters)`}`)
  try {
    switch (name) {
      case 'read_file':
        return { content: await readFile(join(workspace, path), 'utf8') }
      case 'write_file':
        await mkdir(dirname(join(workspace, path)), { recursive: true })
        await writeFile(join(workspace, path), content)
        return { content: `wrote ${path}` }
      case 'run_tests':
        return { content: await runTests() }
      default:
        return { content: `there is no tool ${name}`, is_error: true }
    }
  } catch (error) {
    console.log(`    ${String(error)}`)
    return { content: String(error), is_error: true }
  }
}

async function runTests(): Promise<string> {
  const options = { cwd: workspace, timeout: TEST_TIMEOUT_MS }
  const run = promisify(execFile)(process.execPath, ['--test', '--test-reporter=tap'], options)
  const report = await run.then(
    ({ stdout }) => stdout,
    // A failing test is an exit code; its report is what the model needs.
    (failure: { stdout?: string }) => failure.stdout ?? String(failure),
  )
  const [passed, failed] = ['pass', 'fail'].map(
    (word) => report.match(new RegExp(`^# ${word} (\\d+)`, 'm'))?.[1] ?? '?',
  )
  console.log(`    ${passed} passed, ${failed} failed`)
  return report.replaceAll(/^.*duration_ms.*\n/gm, '').slice(0, MAX_REPORT_CHARACTERS)
}

function describe(error: InstanceType<typeof Anthropic.APIError>): string {
  const { status, type, apiMessage, message } = error
  return `API error: status ${status ?? 'none (in the stream)'}, type ${type ?? 'none'}: ${apiMessage ?? message}`
}

try {
  process.exitCode = (await work()) ? 0 : 1
} catch (error) {
  console.log(error instanceof Anthropic.APIError ? describe(error) : String(error))
  process.exitCode = 1
}
