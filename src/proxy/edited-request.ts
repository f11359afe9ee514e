import type { BodyEdit } from '../core/metering/format.ts'
import { applyEdit } from '../core/metering/include-usage.ts'
import { withoutField } from './heads.ts'
import type { ReadyRequest } from './ready-request.ts'

/** A request with the one edit that is made to a body, sent without a content coding: the edit is in what the body says. */
export function editedRequest(ready: ReadyRequest, edit: BodyEdit): ReadyRequest {
  const body = applyEdit(ready.content, edit)
  const { request } = ready
  return {
    ...ready,
    request: { ...request, rawHeaders: withoutField(request.rawHeaders, 'content-encoding') },
    body,
    bodyBytes: body.reduce((total, { length }) => total + length, 0),
    content: body,
  }
}
