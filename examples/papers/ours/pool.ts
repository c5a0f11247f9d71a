import { type Figures, modelsOfFigures } from '../../../adapters/simulation/index.ts'
import { zoo } from '../mdinference/index.ts'

/** A model that a phone and the cloud can both run. */
export interface PoolModel extends Figures {
  /** Expected ms on the phone and in the cloud. */
  readonly device: number
  readonly cloud: number
}

/**
 * Expected ms on a phone: means over 367 pictures (cake-lab/PieSlicer, database.db, MIT). The last two were not measured
 * there: taken as InceptionV3, by what they take beside it in the cloud.
 */
const onPhone: Readonly<Record<string, number>> = {
  'mobilenet-0-25-128': 66,
  'mobilenet-0-5-224': 108,
  'mobilenet-1-0-224': 168,
  'inception-v3': 678,
  'inception-v4': 1290,
  'nasnet-large': 2454,
}

/** Top-1 and times in the cloud: MDInference's zoo on a GPU. */
export const pool: readonly PoolModel[] = zoo('gpu').flatMap(({ id, accuracy, mean }) => {
  const device = onPhone[id]
  return device === undefined ? [] : [{ id, accuracy, mean, width: 224, height: 224, device, cloud: mean }]
})

export const models = modelsOfFigures(pool)

/** What the phone may hold ready to stand in. */
export const standIns: readonly string[] = ['mobilenet-0-25-128', 'mobilenet-1-0-224']

export function model(id: string): PoolModel {
  const found = pool.find((one) => one.id === id)
  if (!found) throw new RangeError(`There is no model "${id}" in the pool.`)
  return found
}
