import { type ControllerClient, connectController } from '../controller/client.ts'
import { packageVersion } from '../host/version.ts'
import type { CliContext } from './context.ts'

/** The running controller; an error that says how to get one otherwise. For commands that only look or end something. */
export function connect(context: CliContext): Promise<ControllerClient> {
  return connected(context, { start: false })
}

/** The running controller, or a new one. */
export function connectOrStart(context: CliContext): Promise<ControllerClient> {
  return connected(context, { start: true })
}

/** A controller of another version is told, where the terminal's user can do something about it. */
function connected({ home, env, tell }: CliContext, { start }: { readonly start: boolean }): Promise<ControllerClient> {
  const own = packageVersion()
  return connectController({
    home,
    start,
    env,
    onStatus: ({ version }) => {
      if (version === own) return
      tell(
        `the controller is version ${version}, this is ${own}; "bot-bottle controller restart" replaces it, and bottles live on`,
      )
    },
  })
}
