/** A request to a provider as a command: curl, which knows nothing of budgets and prints what it gets as it comes. */
export interface ModelCall {
  readonly provider?: 'claude' | 'codex'
  /** Tells calls apart in what is printed. */
  readonly prompt?: string
  /** Asks Claude for one document of so many tokens instead of a stream. */
  readonly documentTokens?: number
}

export function modelCall({
  provider = 'claude',
  prompt = 'tell me a story',
  documentTokens,
}: ModelCall = {}): readonly string[] {
  const body =
    provider === 'claude' ? messages(prompt, documentTokens) : { model: 'gpt-6.1-sol', stream: true, input: prompt }
  const url = { claude: 'https://api.anthropic.com/v1/messages', codex: 'https://api.openai.com/v1/responses' }[
    provider
  ]
  const headers = ['content-type: application/json', 'anthropic-version: 2023-06-01']
  return ['curl', '-sSN', url, ...headers.flatMap((header) => ['-H', header]), '-d', JSON.stringify(body)]
}

/** The same as text for a shell. */
export function modelCallInShell(call: ModelCall = {}): string {
  return modelCall(call)
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(' ')
}

function messages(prompt: string, documentTokens: number | undefined): object {
  return {
    model: 'claude-opus-4-8',
    max_tokens: documentTokens ?? 60_000,
    stream: documentTokens === undefined,
    messages: [{ role: 'user', content: prompt }],
  }
}

/** In what a call prints once the answer flows. */
export const answerFlows = /event: (?:content_block_delta|response\.output_text\.delta)/
