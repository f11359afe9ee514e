import { groupedNumber } from '../table.ts'
import { type Html, html } from './html.ts'

export interface PageColumn {
  readonly title: string
  /** `whole` is not broken into lines, `long` gets more room. */
  readonly kind?: 'number' | 'bar' | 'text' | 'whole' | 'long' | 'code'
}

/** Cells that are numbers are grouped. It is scrolled sideways where the page is narrow. */
export function pageTable(
  caption: string,
  columns: readonly PageColumn[],
  rows: readonly (readonly (Html | string | number)[])[],
): Html {
  const head = columns.map(({ title, kind = 'text' }) => html`<th scope="col" class="${kind}">${title}</th>`)
  const body = rows.map((cells) => {
    const [first = '', ...rest] = cells
    const shown = rest.map(
      (cell, index) => html`<td class="${columns[index + 1]?.kind ?? 'text'}">${cellOf(cell)}</td>`,
    )
    return html`<tr><th scope="row" class="${columns[0]?.kind ?? 'text'}">${cellOf(first)}</th>${shown}</tr>\n`
  })
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><caption>${caption}</caption><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table></div>`
}

function cellOf(cell: Html | string | number): Html | string {
  return typeof cell === 'number' ? groupedNumber(cell) : cell
}
