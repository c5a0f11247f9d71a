import { describe, expect, it } from 'vitest'
import type { Menu } from '../../../../pipeline/index.ts'
import { systemClock, World } from '../../../../pipeline/index.ts'
import { offload } from '../../../../stages/decide/index.ts'
import { cutFigures, Paths } from '../../../../stages/decide/plan/paths.ts'
import { unmeasured } from '../../../../stages/manage/index.ts'
import { entry, modelsWithoutFiles } from '../../../support/models.ts'
import { request } from '../support.ts'

const measured = (cut: string, encoding: string, keeps: number, bytes = 100) => ({
  ...{ cut, encoding, keeps, bytes },
  ...{ by: 'labels', pictures: 1000 },
})
const models = modelsWithoutFiles([
  entry('fine', {
    accuracy: 0.9,
    cuts: [{ layer: 'a', bytes: 4000, share: 0.5 }],
    fidelity: [
      measured('prepared', 'jpeg:90', 0.985, 320),
      measured('prepared', 'jpeg:90:444', 1, 400),
      measured('after:a', 'uint8', 0.997),
    ],
  }),
  entry('rough', { accuracy: 0.895 }),
])
const menu: Menu = {
  models: ['fine', 'rough'],
  cuts: ['captured', 'prepared', 'after:*', 'answered'],
  encodings: ['jpeg', 'jpeg:90:444', 'raw', 'uint8'],
  targets: ['any'],
  backups: ['none'],
}

describe('the accuracy of a path', () => {
  const paths = (fidelity = {}) => {
    const made = new Paths(menu, { models, cutsOf: cutFigures(models), below: false, leaves: 'anything', fidelity })
    return Array.from({ length: made.count }, (_, path) => {
      const { model, cut, encoding } = made.planOf(path)
      return [`${model} ${cut} ${encoding ?? ''}`.trim(), made.accuracy[path]] as const
    })
  }

  it('is the model’s, less what its encoding was measured to cost', () => {
    const of = new Map(paths())
    expect(of.get('fine captured')).toBe(0.9)
    expect(of.get('fine answered')).toBe(0.9)
    expect(of.get('fine prepared raw')).toBe(0.9)
    expect(of.get('fine prepared jpeg')).toBeCloseTo(0.9 * 0.985)
    expect(of.get('fine prepared jpeg:90:444')).toBe(0.9)
    expect(of.get('fine after:a uint8')).toBeCloseTo(0.9 * 0.997)
    expect(of.get('rough prepared jpeg')).toBeCloseTo(0.895 * unmeasured)
  })

  it('may be told otherwise for all models', () => {
    expect(new Map(paths({ jpeg: 0.5 })).get('fine prepared jpeg')).toBeCloseTo(0.45)
  })
})

describe('a least accuracy', () => {
  it('holds for what is answered, not for the model alone', () => {
    const decider = offload({ minAccuracy: 0.89 })
    decider.open?.({ side: 'device', models })
    const ask = (encodings: Menu['encodings']) => {
      decider.decide(request({}), new World(systemClock), { ...menu, cuts: ['prepared'], encodings })
      return decider.explain?.()?.weighed.map(({ choice, accuracy = 0 }) => [choice.model, accuracy >= 0.89])
    }
    expect(ask(['jpeg'])).toEqual([
      ['fine', false],
      ['rough', false],
    ])
    expect(ask(['raw'])).toEqual([
      ['fine', true],
      ['rough', true],
    ])
  })
})
