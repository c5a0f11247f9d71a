import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asStated, cellCosts, cells, least } from '../../../../examples/papers/neurosurgeon/cells.ts'
import { neurosurgeon } from '../../../../examples/papers/neurosurgeon/index.ts'
import { networks } from '../../../../examples/papers/neurosurgeon/networks.ts'
import { partitions } from '../../../../examples/papers/neurosurgeon/published.ts'
import { assets, needsAssets } from '../../../support/assets.ts'

const file = assets === undefined ? undefined : join(assets, 'papers', 'neurosurgeon_partitions.json')

describe('the eight networks', () => {
  test('have as many layers as the paper counts, and the weights their authors state', () => {
    expect(networks.map(({ layers }) => layers.length)).toEqual([24, 46, 10, 9, 13, 3, 3, 3])
    const millions = networks.map(({ layers }) => layers.reduce((sum, { weights }) => sum + weights / 4e6, 0))
    for (const [i, stated] of [61, 143.7, 119, 0.43, 29].entries())
      expect(Math.abs((millions[i] as number) / stated - 1)).toBeLessThan(0.02)
  })

  test('multiply and accumulate as often as is known of them', () => {
    const giga = networks.map(({ layers }) => layers.reduce((sum, { macs }) => sum + macs / 1e9, 0))
    expect(giga[0]).toBeCloseTo(0.724, 2)
    expect(giga[1]).toBeCloseTo(19.63, 1)
    expect(giga[4]).toBeCloseTo(548 * 0.029, 1)
  })

  test('AlexNet’s pool5 makes 36,864 bytes', () => {
    expect(networks[0]?.layers.find(({ name }) => name === 'pool5')?.outBytes).toBe(36_864)
  })
})

describe('Neurosurgeon', () => {
  const { rows } = neurosurgeon({ quick: true })

  test('48 of 48 latency cells and at least 44 of 48 energy cells equal the published table', () => {
    const equal = rows.filter(({ point }) => point === 'cells equal, of 48')
    expect(equal.map(({ ours }) => ours)).toEqual([48, expect.any(Number)])
    expect(equal.every(({ holds }) => holds)).toBe(true)
  })

  test('every aim is met', () => {
    expect(rows.filter(({ holds }) => !holds)).toEqual([])
  })

  test('no cell is free: each is computed with the one set of parameters, and moves with them', () => {
    const slow = {
      ...asStated,
      device: { ...asStated.device, GPU: { ...asStated.device.GPU, rate: 3.6, bandwidth: 0.6 } },
    }
    const moved = cells.filter((cell) => {
      const { names, values } = cellCosts(cell, 'latency', slow)
      return names[least(values)] !== partitions.latency[cell.device][cell.radio][cells.indexOf(cell) % 8]
    })
    expect(moved.length).toBeGreaterThan(3)
    expect(moved.every(({ device }) => device === 'GPU')).toBe(true)
  })

  test('gives the same figures every time', () => {
    expect(neurosurgeon({ quick: true }).rows).toEqual(rows)
  })

  test.skipIf(file === undefined)(`its table is the published one${needsAssets}`, () => {
    const published = JSON.parse(readFileSync(file as string, 'utf8'))
    expect(published).toMatchObject(JSON.parse(JSON.stringify(partitions)))
  })
})
