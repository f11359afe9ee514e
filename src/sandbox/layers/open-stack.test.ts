import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { nestedMountReason } from './open-stack.ts'

it('names the file system that is mounted below a folder, where an overlay would show nothing', async () => {
  expect(await nestedMountReason('/dev')).toMatch(/^\/dev\/\S+ is a mount of its own$/)
  expect(await nestedMountReason('/proc/self')).toBeUndefined()
  expect(await nestedMountReason(tmpdir())).toBeUndefined()
})
