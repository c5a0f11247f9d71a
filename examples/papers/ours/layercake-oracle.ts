import { factors, random } from '../../../adapters/simulation/index.ts'
import type { Decider } from '../../../pipeline/index.ts'
import { type Conditions, type Insight, type Settled, variant, variants } from '../layercake/index.ts'
import { type Arm, menuOf, spare } from './layercake-arms.ts'

/** Draws of everything that varies. */
const draws = 64
/** What it holds against a second of the device: a request that may come meanwhile, and may be in a hurry. */
const crowding = 0.025
/** What it lets a refusal cost at most: an endpoint that was asked is warm afterwards. */
const warming = 0.002

/**
 * Knows the law of every time, every queue, and which endpoints are warm; nothing of what is still to be drawn. It takes the
 * arm of the largest chance to be right and on time, for each request by itself, and asks a cold endpoint first where
 * being refused costs next to nothing.
 */
export function layercakeOracle(
  { conditions, device, endpoints }: Insight,
  name: string,
  standIns: readonly string[],
): Decider {
  const law = lawOf(conditions)
  return {
    name,
    decide(request, _world, menu) {
      const { remaining, bytes, now, elapsed, tried } = request
      const { delay, cloud, uplink, cv } = conditions
      const way = (bytes * 8000) / uplink
      const here = (model: string, left: number) =>
        variant(model).accuracy * chance((j) => device.wait + device.expected(model) * at(law.device, j), left)
      const stands = [...standIns, undefined].map((id) => ({ id, worth: id === undefined ? 0 : here(id, remaining) }))
      const stand = stands.reduce((best, one) => (one.worth > best.worth ? one : best))
      const there = (model: string, left: number): number | undefined => {
        const wait = endpoints.wait(model, now + delay + way)
        if (wait === undefined) return undefined
        const { run, accuracy } = variant(model)
        const p = chance((j) => 2 * delay + way * at(law.up, j) + wait + run * cloud * at(law.cloud, j), left)
        return p * accuracy + (1 - p) * stand.worth
      }
      const warm = (left: number) => {
        let most: { readonly worth: number; readonly arm: Arm } | undefined
        const offer = (worth: number | undefined, arm: Arm) => {
          if (worth !== undefined && (most === undefined || worth > most.worth)) most = { worth, arm }
        }
        for (const { id } of variants) {
          offer(here(id, left) - (crowding * device.expected(id)) / 1000, {
            model: id,
            cut: 'answered',
            standIn: undefined,
          })
          offer(there(id, left), { model: id, cut: 'captured', standIn: stand.id })
        }
        return most as { readonly worth: number; readonly arm: Arm }
      }
      const best = warm(remaining)
      const refusal = 2 * delay + way * (1 + cv.upload)
      const cold = variants.filter(
        ({ id, accuracy }) =>
          accuracy > best.worth &&
          endpoints.wait(id, now + delay + way) === undefined &&
          !tried.some(({ plan }) => plan.model === id),
      )
      const asks = tried.length === 0 && cold.length > 0 && warm(remaining - refusal).worth > best.worth - warming
      const arm: Arm = asks
        ? { model: (cold.at(-1) as (typeof cold)[number]).id, cut: 'captured', standIn: stand.id }
        : best.arm
      return menuOf(
        menu,
        arm,
        elapsed + Math.max(0, remaining - (arm.standIn === undefined ? 0 : spare * device.expected(arm.standIn))),
      )
    },
  }
}

/** The accuracy of the best answer in time, had the request been alone and everything been loaded. */
export function layercakeBound(
  { deadline, bytes, noise }: Settled,
  { device, cloud, delay, uplink }: Conditions,
): number {
  const way = 2 * delay + ((bytes * 8000) / uplink) * noise.up
  const right = variants.map(({ run, accuracy }) =>
    Math.min(run * device * noise.device, way + run * cloud * noise.cloud) <= deadline ? accuracy : 0,
  )
  return Math.max(...right)
}

function lawOf({ cv }: Conditions) {
  const drawn = (of: number, name: string) => {
    const factor = factors({ kind: 'lognormal', cv: of }, random(1, `layercake ${name}`))
    return Float64Array.from({ length: draws }, factor)
  }
  return { up: drawn(cv.upload, 'up'), device: drawn(cv.run, 'device'), cloud: drawn(cv.run, 'cloud') }
}

const at = (drawn: Float64Array, j: number) => drawn[j] as number

function chance(takes: (draw: number) => number, left: number): number {
  let inTime = 0
  for (let j = 0; j < draws; j++) if (takes(j) <= left) inTime++
  return inTime / draws
}
