import { z } from 'zod'

const share = z.number().min(0).max(1)
const weight = z.number().min(0)

/** What may leave the device. */
const leaves = z
  .enum(['anything', 'prepared', 'features', 'nothing'])
  .or(z.strictObject({ after: z.string().min(1).max(512) }))

/** How much each objective of the front counts against the others; all of them are scaled to 0…1 over the front. */
const weights = z.strictObject({
  time: weight.default(0),
  energy: weight.default(0),
  accuracy: weight.default(0),
  bytes: weight.default(0),
})

/** Constraints, the most important first: where not all can be kept, the later ones give way first. */
export const limitNames = ['accuracy', 'energy', 'money', 'bytes'] as const
export type LimitName = (typeof limitNames)[number]

export const settings = z.strictObject({
  /**
   * What is chosen among the arms within the limits. Default `utility`: the largest U. `{ atLeast: p }`: the most accurate
   * whose chance to be on time is at least p; where none is, the largest chance. `{ profile }`: a point on the Pareto front.
   */
  goal: z
    .literal('utility')
    .or(z.strictObject({ atLeast: share }))
    .or(z.strictObject({ profile: z.enum(['fast', 'accurate', 'frugal']).or(weights) }))
    .default('utility'),
  /**
   * What may leave the device; never violated. Default `anything`. `prepared`: no captured picture. `features`: what crosses
   * behind a layer. `{ after: LAYER }`: what crosses behind that layer or a later one, of models that have it. `nothing`.
   */
  leaves: leaves.default('anything'),
  /** Limits of one message. */
  limits: z
    .strictObject({
      /** Least accuracy of whatever answers, stand-ins included, 0…1. */
      accuracy: share.optional(),
      /** Most energy of the device, mJ, that of a stand-in counted with the chance that it runs. */
      energy: weight.optional(),
      /** Most money per 1,000 requests. */
      money: weight.optional(),
      /** Most bytes up. */
      bytes: weight.optional(),
    })
    .default({}),
  weights: z
    .strictObject({
      /** λ: accuracy a millijoule is worth. Default 1e-5, as backup() has it. With a known battery it counts λ ÷ charge. */
      energy: weight.default(1e-5),
      /** μ: accuracy a unit of money per 1,000 requests is worth. Default 0. */
      money: weight.default(0),
      /** κ: accuracy a second of work on a resource is worth for each second of debt there. Default 1. */
      debt: weight.default(1),
      /** Accuracy a second is worth where there is no deadline. Default 0.01. */
      time: weight.default(0.01),
    })
    .prefault({}),
  /** Milliseconds by which a stand-in is to be done before the deadline: showing it takes time. Default 10. */
  margin: z.number().min(0).default(10),
  /** The share of its accuracy that every model keeps with an encoding, in place of what the catalogue says (`keeps`). */
  fidelity: z.record(z.string(), share).default({}),
  /** Messages each resource works on at once, for the debts. */
  servers: z
    .strictObject({
      device: z.number().min(1).default(1),
      uplink: z.number().min(1).default(1),
      cloud: z.number().min(1).default(2),
    })
    .prefault({}),
  /** Tries of arms that may be better than is known. */
  tries: z
    .strictObject({
      /** One in so many messages, once everything was seen. Default 50; Infinity never tries at all. */
      every: z.number().min(2).or(z.literal(Number.POSITIVE_INFINITY)).default(50),
      /** Bytes that tries may send, as a share of the bytes captured. Default 0.01. */
      bytes: share.default(0.01),
      /** Bytes they may send before that, for the first. Default 262144. */
      first: weight.default(262_144),
    })
    .prefault({}),
  /** Whether a small model may be asked first and a better one where its score is low: for models whose scores mean something. Default false. */
  cascade: z.boolean().default(false),
  link: z
    .strictObject({
      /** Milliseconds after which what is known of an edge is stale. Default 5000. */
      staleAfter: z.number().positive().optional(),
      /** Edges remembered. Default 32. */
      remember: z.number().int().min(1).optional(),
    })
    .default({}),
})

export type Settings = z.output<typeof settings>
export type Leaves = z.infer<typeof leaves>
export type ProfileWeights = z.output<typeof weights>
