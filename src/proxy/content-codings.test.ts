import { describe, expect, it } from 'vitest'
import { narrowedAcceptEncoding, readCodings } from './content-codings.ts'

describe('what a provider is asked for', () => {
  const asked = (offered: readonly string[], prefersNone = false) => narrowedAcceptEncoding(offered, { prefersNone })

  it.each([
    ['is what the client offered', ['gzip, deflate, br, zstd'], 'gzip, deflate, br, zstd'],
    ['leaves out what is not decoded here', ['compress, br, dcb, x-odd'], 'br'],
    ['keeps the preferences', ['gzip;q=0.5, br; q=1.0 ,zstd;q=0.001'], 'gzip;q=0.5, br; q=1.0, zstd;q=0.001'],
    ['joins repeated fields', ['gzip', 'BR'], 'gzip, br'],
    ['takes the old name of gzip', ['x-gzip'], 'x-gzip'],
    ['leaves out what the client refuses', ['gzip;q=0, br, zstd;q=0.000'], 'br'],
    ['leaves out what cannot be read', ['gzip;q=2, br;q=x, zstd;level=3, deflate;q=0.1234, , gzip, '], 'gzip'],
    ['says what the client says of no coding', ['gzip, identity;q=0.5'], 'gzip, identity;q=0.5'],
    ['says that no coding is refused', ['br, identity;q=0'], 'br, identity;q=0'],
    ['says it too where all the rest is refused', ['br, *;q=0'], 'br, identity;q=0'],
  ])('%s', (_, offered, expected) => {
    expect(asked(offered)).toBe(expected)
  })

  it.each([[[]], [['']], [['*']], [['compress']], [['identity']], [['gzip;q=0']], [['compress, identity;q=0']]])(
    'is no coding where the client offers none that is decoded: %j',
    (offered) => {
      expect(asked(offered)).toBe('identity')
    },
  )

  it('is no coding for a stream, unless the client refuses that', () => {
    expect(asked(['gzip, br, zstd'], true)).toBe('identity')
    expect(asked(['gzip, *;q=0.1'], true)).toBe('identity')
    expect(asked(['gzip, *;q=0, identity;q=0.1'], true)).toBe('identity')
    expect(asked(['gzip, identity;q=0'], true)).toBe('gzip, identity;q=0')
    expect(asked(['gzip, *;q=0'], true)).toBe('gzip, identity;q=0')
  })
})

describe('the codings of a body', () => {
  it.each([
    [[], []],
    [['identity'], []],
    [['GZip'], ['gzip']],
    [['x-gzip'], ['gzip']],
    [['gzip, identity, br'], ['gzip', 'br']],
    [
      ['deflate', 'zstd'],
      ['deflate', 'zstd'],
    ],
  ])('%j are %j, in the order that they were applied', (fields, codings) => {
    expect(readCodings(fields)).toEqual(codings)
  })

  it.each([[['compress']], [['gzip, x-br']], [['gzip;q=1']], [['gzip gzip']], [['gzip, gzip, gzip, gzip, gzip']]])(
    '%j are not known',
    (fields) => {
      expect(readCodings(fields)).toBeUndefined()
    },
  )
})
