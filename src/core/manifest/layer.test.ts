import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bottleFile } from '../../../test/fakes/definitions.ts'
import { emptyLayer, layerOf, overlay } from './layer.ts'

test('laying over is associative: any split of a chain gives the same bottle', () => {
  const layer = bottleFile.map(layerOf)
  fc.assert(
    fc.property(layer, layer, layer, (far, mid, near) => {
      expect(overlay(overlay(far, mid), near)).toEqual(overlay(far, overlay(mid, near)))
    }),
  )
})

test('a definition that says nothing changes nothing', () => {
  fc.assert(
    fc.property(bottleFile.map(layerOf), (layer) => {
      expect(overlay(layer, emptyLayer)).toEqual(layer)
      expect(overlay(emptyLayer, layer)).toEqual(layer)
    }),
  )
})
