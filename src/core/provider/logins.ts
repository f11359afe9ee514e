import { claudeLogin } from './claude-login.ts'
import { codexLogin } from './codex-login.ts'
import type { LoginFormat, LoginName } from './login.ts'

export const loginFormats: Readonly<Record<LoginName, LoginFormat>> = {
  claude: claudeLogin,
  codex: codexLogin,
}
