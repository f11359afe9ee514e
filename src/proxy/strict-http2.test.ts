import { describe, expect, it } from 'vitest'
import { proxyLimits } from './limits.ts'
import { readHttp2Head, strictHttp2Request } from './strict-http2.ts'

const host = 'api.example.com'
const arrival = { isSecure: true, host }
const pseudo = { ':method': 'POST', ':scheme': 'https', ':authority': host, ':path': '/v1/a?b=c' }

function strict(fields: Readonly<Record<string, string>>, isEnded = false) {
  return strictHttp2Request(readHttp2Head(Object.entries(fields).flat(), isEnded), arrival)
}

describe('the head of an HTTP/2 request', () => {
  it('is read into pseudo fields and the others', () => {
    const head = readHttp2Head([':method', 'GET', ':path', '/', 'x-a', '1', 'x-a', '2'], true)
    expect([...head.pseudo]).toEqual([
      [':method', 'GET'],
      [':path', '/'],
    ])
    expect(head.rawHeaders).toEqual(['x-a', '1', 'x-a', '2'])
  })

  it('gives one canonical host, the method, the path, the query, and what it says of the body', () => {
    const line = { kind: 'request', host, method: 'POST', path: '/v1/a', query: '?b=c' }
    expect(strict({ ...pseudo, ':authority': 'API.example.com.:443' })).toMatchObject({ ...line, bodyBytes: undefined })
    expect(strict({ ...pseudo, 'content-length': '7' })).toMatchObject({ ...line, bodyBytes: 7 })
    expect(strict(pseudo, true)).toMatchObject({ ...line, bodyBytes: 0 })
  })

  it.each([
    ['the scheme is another', { ...pseudo, ':scheme': 'http' }, 400],
    ['the authority is another than that of the connection', { ...pseudo, ':authority': 'other.example.com' }, 421],
    ['a Host field says something else', { ...pseudo, host: 'other.example.com' }, 400],
    ['a Host field is no name', { ...pseudo, host: '127.0.0.1' }, 403],
    ['the method is CONNECT', { ':method': 'CONNECT', ':authority': `${host}:443` }, 405],
    ['the method is TRACE', { ...pseudo, ':method': 'TRACE' }, 405],
    ['a GET may have a body', { ...pseudo, ':method': 'GET' }, 400],
    ['the path is no path', { ...pseudo, ':path': '*' }, 400],
    ['it is too long', { ...pseudo, 'x-long': 'a'.repeat(proxyLimits.maxHeadBytes) }, 431],
  ])('is refused when %s (H01, H09, H11, H13)', (_, fields, status) => {
    expect(strict(fields)).toMatchObject({ kind: 'refused', status })
  })

  it('is refused without an authority, whatever Host says (H01)', () => {
    const { ':authority': _, ...rest } = pseudo
    expect(strict({ ...rest, host })).toMatchObject({ kind: 'refused', status: 400 })
  })
})
