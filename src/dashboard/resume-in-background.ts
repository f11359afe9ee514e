/** Resumes a bottle as its user would in another terminal: by our own command, which knows what an agent needs of the environment. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

export async function resumeInBackground(id: string, env: NodeJS.ProcessEnv): Promise<string> {
  const words = [...process.execArgv, process.argv[1] ?? '', 'resume', '--detach', id]
  try {
    await promisify(execFile)(process.execPath, words, { env, timeout: resumeTimeoutMs })
    return `${id} goes on in the background.`
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    // Its errors are ours: one sentence, a hint.
    throw new Error(
      said
        .replaceAll(/^bot-bottle: |^ {2}hint: /gm, '')
        .trim()
        .replaceAll(/\s*\n\s*/g, '. '),
      { cause: error },
    )
  }
}

const resumeTimeoutMs = 10 * 60_000
