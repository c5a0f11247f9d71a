import { z } from 'zod'
import { versioned } from '../../pipeline/index.ts'
import { activationEncodings, isLossless, isPictureEncoding } from '../transfer/index.ts'

/** One token of a subject or an identifier: it can stand in a NATS subject and in a file name as it is. */
export const token = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'use letters, digits, "_" or "-" only, at most 64 of them')

const triple = z.tuple([z.number(), z.number(), z.number()])
const side = z.number().int().min(1).max(8192)

/** A file beside the catalogue, named relative to it; it cannot point outside the catalogue's folder. */
const besideTheCatalogue = z
  .string()
  .min(1)
  .refine((path) => !/^([/\\]|[A-Za-z]:)/.test(path) && !path.split(/[/\\]/).includes('..'), {
    message: 'must be a path inside the catalogue folder, without ".."',
  })

/**
 * What the model's input tensor holds and how a picture becomes it: the picture is turned upright, its centre `crop`
 * is resized to `width × height`, then each byte becomes `(byte − mean[channel]) / std[channel]` (bytes 0…255; `mean`
 * and `std` stand in the order of `channels`).
 */
export const modelInput = z.strictObject({
  name: z.string().min(1),
  width: side,
  height: side,
  layout: z.enum(['NCHW', 'NHWC']).default('NCHW'),
  type: z.enum(['float32', 'uint8']).default('float32'),
  channels: z.enum(['rgb', 'bgr']).default('rgb'),
  mean: triple.default([0, 0, 0]),
  std: triple.default([1, 1, 1]).refine((std) => std.every((value) => value !== 0), { message: 'must not contain 0' }),
  /** How the (cropped) picture fills the input: `fill` stretches it, `cover` keeps its shape and cuts the overhang. */
  resize: z.enum(['fill', 'cover']).default('cover'),
  /** The central fraction of each side that is kept before the resize, 1 keeps the whole picture. */
  crop: z.number().gt(0).max(1).default(1),
})

/** Behind so many layers a model can be cut at most. */
export const mostCuts = 1024

/** A place where a model can be cut in two. `quintet cuts` writes them. */
const modelCut = z
  .strictObject({
    /** As plans name it: the layers whose outputs cross, joined by "+". */
    layer: z.string().min(1).max(512),
    /** Bytes that cross in one run, as the model computes them. */
    bytes: z.number().int().positive(),
    /** Of those, the bytes of float32, which an encoding can shrink. Default: all. */
    floats: z.number().int().min(0).optional(),
    /** The share of a whole run's time that the layers before the cut take, 0…1. */
    share: z.number().min(0).max(1),
  })
  .refine(({ bytes, floats = 0 }) => floats <= bytes, { message: 'cannot have more bytes of float32 than bytes' })

const modelCuts = z
  .array(modelCut)
  .max(mostCuts)
  .refine((cuts) => new Set(cuts.map(({ layer }) => layer)).size === cuts.length, {
    message: 'must name each layer once',
  })
  .refine((cuts) => cuts.every(({ share }, at) => at === 0 || share >= (cuts[at - 1]?.share ?? 0)), {
    message: 'must stand in the order of the chain: shares that never fall',
  })

/** What a model keeps of its accuracy when what crosses is written with losses. `quintet cuts --pictures` measures it. */
const fidelity = z
  .strictObject({
    /** `prepared`, or `after:LAYER`. */
    cut: z.string().regex(/^(prepared|after:.{1,512})$/, 'must be "prepared" or "after:LAYER"'),
    encoding: z.string(),
    /** The share of its accuracy that is left, 0…1. */
    keeps: z.number().min(0).max(1),
    /** Whether the pictures had labels; else it is the share of answers that are those of exact writing. */
    by: z.enum(['labels', 'agreement']),
    /** Mean bytes that crossed. */
    bytes: z.number().positive(),
    /** Pictures it was measured with. */
    pictures: z.number().int().positive(),
  })
  .refine(
    ({ cut, encoding }) =>
      cut === 'prepared'
        ? isPictureEncoding(encoding) && !isLossless(encoding)
        : (activationEncodings as readonly string[]).includes(encoding) &&
          !encoding.includes('+') &&
          !isLossless(encoding),
    { path: ['encoding'], message: 'must lose something, and fit the cut: jpeg:90 for prepared, uint8 behind a layer' },
  )

/** One model as the catalogue knows it. Everything needed to run it and to read its answer, nothing measured here. */
export const catalogueEntry = z.strictObject({
  id: token,
  task: z.enum(['classify']).default('classify'),
  file: besideTheCatalogue,
  /**
   * Of the file. Of a model whose weights lie in files of their own, of all of them, as `quintet inspect MODEL --json`
   * says it: other weights are another model.
   */
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lower-case hexadecimal digits'),
  bytes: z.number().int().positive().describe('size of the model file'),
  input: modelInput,
  output: z.strictObject({
    name: z.string().min(1),
    /** `logits` are turned into probabilities by softmax, `probabilities` are taken as they are. */
    kind: z.enum(['logits', 'probabilities']).default('logits'),
  }),
  labels: z.array(z.string().min(1)).min(2),
  /** Output index of `labels[0]`, e.g. 1 where index 0 is "background". */
  labelOffset: z.number().int().min(0).default(0),
  /** Top-1 on held-out pictures, 0…1. */
  accuracy: z.number().min(0).max(1),
  precision: z.enum(['float32', 'float16', 'int8']).default('float32'),
  /** Multiply-accumulates of one run, and a first guess of its duration before anything was measured here. */
  macs: z.number().positive().optional(),
  latencyMs: z.number().positive().optional(),
  /**
   * Whether several pictures may be run as one, where `execute({ batch })` asks for it and a trial at load shows that
   * pictures do not change each other's answers. `false`: never.
   */
  batch: z.boolean().optional(),
  /** Where the model can be cut, in the order of the chain. Default: nowhere. */
  cuts: modelCuts.optional(),
  /** False where there are more cuts than are listed: the search for them ended at its limit, or there were too many. */
  cutsComplete: z.boolean().optional(),
  /** What lossy encodings leave of the accuracy. Default: nothing was measured; see `keeps`. */
  fidelity: z.array(fidelity).max(16_384).optional(),
  licence: z.string().min(1),
})

/** The file `catalogue.json`: the models of one folder. */
export const catalogueFile = versioned({
  what: 'a catalogue',
  version: 1,
  schema: z
    .strictObject({ models: z.array(catalogueEntry).min(1) })
    .refine((file) => new Set(file.models.map((model) => model.id)).size === file.models.length, {
      message: 'every model needs an id of its own',
    }),
  remedy: 'One of version 1 says { "version": 1, "models": [ … ] }: write it so.',
})

export type ModelInput = z.infer<typeof modelInput>
export type ModelCut = z.infer<typeof modelCut>
export type Fidelity = z.infer<typeof fidelity>
export type CatalogueEntry = z.infer<typeof catalogueEntry>
