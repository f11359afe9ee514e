import fc from 'fast-check'
import { expect, test } from 'vitest'
import { inert } from '../inert.ts'
import { html } from './html.ts'

test.each([
  ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  ['" onload="x', '&quot; onload=&quot;x'],
  ["' & &amp;", '&#39; &amp; &amp;amp;'],
  ['a\x1b]0;title\x07\u202eb\nc', 'a]0;titleb c'],
])('the text %j is put in as %s (S16)', (text, expected) => {
  expect(html`<i title="${text}">${text}</i>`.markup).toBe(`<i title="${expected}">${expected}</i>`)
})

test('what our own templates say stays markup, also in lists', () => {
  const items = ['a', '<'].map((name) => html`<li>${name}</li>`)
  expect(html`<ul>${items}</ul>${1}`.markup).toBe('<ul><li>a</li><li>&lt;</li></ul>1')
})

test('no text leaves its place, and every text is read again as it was (S16)', () => {
  const characters = fc.constantFrom(...'<>&"\'a;#x=/ \n\x1b\u202e\ud800é', '&amp;', '&#39;', '<script>')
  const texts = fc.array(characters, { maxLength: 30 }).map((parts) => parts.join(''))
  const entities = [
    ['&lt;', '<'],
    ['&gt;', '>'],
    ['&quot;', '"'],
    ['&#39;', "'"],
    ['&amp;', '&'],
  ] as const
  fc.assert(
    fc.property(texts, (text) => {
      const { markup } = html`${text}`
      expect(markup).not.toMatch(/[<>"']|&(?!(?:lt|gt|quot|amp|#39);)/)
      expect(entities.reduce((read, [entity, character]) => read.replaceAll(entity, character), markup)).toBe(
        inert(text),
      )
    }),
  )
})
