/** Crashes as a controller could: by an error that holds a credential, which nobody waits for. */
import { endOnCrash } from '../../src/host/crash.ts'
import { createKnownSecrets } from '../../src/host/secrets/known-secrets.ts'

const [, , secret = ''] = process.argv
const secrets = createKnownSecrets()
secrets.add({ kind: 'bearer' }, secret)
endOnCrash(secrets.clean)
const headers = { authorization: `Bearer ${secret}` }
setImmediate(() => {
  const error = new Error(`cannot send ${JSON.stringify(headers)} to /?key=${encodeURIComponent(secret)}`)
  throw Object.assign(error, { headers, cause: new Error(secret) })
})
