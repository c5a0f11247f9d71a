import type { Observable } from 'rxjs'
import { z } from 'zod'
import {
  asStage,
  BadConfiguration,
  evolve,
  type ImagePayload,
  type Item,
  lastAnswer,
  type Message,
  made,
  type Payload,
  type PixelsPayload,
  type Prepared,
  type Ready,
  readOptions,
  refined,
  type Side,
  type StageContext,
  type StageDefinition,
  workStage,
} from '../../pipeline/index.ts'
import { candidates, chosen, type ModelInput, type Models, modelsOf, usualQuality } from '../manage/index.ts'
import { assertEncoding, isPictureEncoding, type PictureWriting, pictureWriting } from '../transfer/index.ts'
import type { ImageEngine } from './ports.ts'

/** On the device a payload may be prepared here, or may cross as it is; below the wire it leaves ready to be run. */
export type PreprocessedPayload<P extends Payload, S extends Side> = S extends 'device'
  ? P | Prepared
  : Exclude<P, ImagePayload | PixelsPayload> | Ready

/** A stage that prepares pictures, on either side of the wire. */
export interface Preprocess {
  <P extends Payload, S extends Side>(source: Observable<Item<P, S>>): Observable<Item<PreprocessedPayload<P, S>, S>>
  readonly definition: StageDefinition
}

export interface PreprocessOptions {
  /** What turns pictures into tensors. */
  readonly images: ImageEngine
  /** Default: the pipeline's. */
  readonly models?: Models
  /** Pictures prepared at once. Default 4: the work is done on the runtime's own threads. */
  readonly concurrency?: number
  /**
   * How a prepared picture is written where the plan leaves it open: `jpeg`, `webp`, `raw`, `tensor`, or with a quality
   * and a subsampling, `jpeg:80:444`. Default `jpeg`.
   */
  readonly encoding?: string
  /** JPEG/WebP quality, 1…100, where the encoding says none. Default 90. */
  readonly quality?: number
}

const settings = z.strictObject({
  images: made<ImageEngine>('what prepares pictures, such as imageEngine()'),
  models: made<Models>('models, as catalogue(folder) makes them').optional(),
  concurrency: z.number().int().min(1).optional(),
  encoding: z
    .string()
    .refine(isPictureEncoding, 'a picture is written as jpeg, webp, raw, tensor or e.g. jpeg:80:444')
    .optional(),
  quality: z.number().int().min(1).max(100).optional(),
} satisfies Record<keyof PreprocessOptions, z.ZodType>)

/**
 * Does what is still to do to a picture, as far as the plan wants it here. On the device: nothing for a cut at
 * `captured`; a prepared picture in the plan's encoding for `prepared`; the model's tensor for cuts behind it. Below
 * the wire: the model's tensor, whatever came. While the model is open, pictures are prepared for the largest input of
 * the candidates and stay pictures.
 */
export function preprocess(options: PreprocessOptions): Preprocess {
  readOptions(settings, options, 'preprocess()')
  const definition = workStage(
    'preprocess',
    (context) => {
      const models = modelsOf(options.models, context.models, 'preprocess')
      return {
        work: (message, call) => {
          if (message.payload.form !== 'image' && message.payload.form !== 'pixels') return message
          const todo =
            context.side === 'device' ? onDevice(message, models, context, options) : inCloud(message, models)
          if (!todo) return message
          const { input, writing, plan } = todo
          const { quality = options.quality ?? usualQuality, subsampling } = writing
          return options.images
            .prepare(message.payload, input, {
              encoding: writing.format,
              quality,
              subsampling,
              // Made for an engine that looks at it alone.
              get signal() {
                return call.signal
              },
            })
            .then((payload) => evolve<Payload, Side, Payload>(message, { payload, plan }))
        },
      }
    },
    {
      concurrency: options.concurrency ?? 4,
      step: (side) => (side === 'device' ? 'device' : 'cloud'),
      ability: 'prepare',
    },
  )
  return asStage<Preprocess>(definition)
}

interface Todo {
  readonly input: ModelInput
  readonly writing: PictureWriting
  readonly plan: Message['plan']
}

function onDevice(
  message: Message,
  models: Models,
  context: StageContext,
  options: PreprocessOptions,
): Todo | undefined {
  const cut = message.plan.cut ?? (context.route.wire ? 'prepared' : 'answered')
  if (cut === 'captured' || message.plan.model === lastAnswer) return undefined
  if (cut !== 'prepared') {
    const model = chosen(message, models)
    return { input: models.entry(model).input, writing: asTensor, plan: refined(message.plan, { cut, model }) }
  }
  const open = candidates(message, models)
  const encoding = message.plan.encoding ?? options.encoding ?? 'jpeg'
  const writing = writingOf(encoding)
  if (open.length === 1 || writing.format === 'tensor') {
    const model = chosen(message, models)
    return { input: models.entry(model).input, writing, plan: refined(message.plan, { cut, model, encoding }) }
  }
  return { input: largest(open, models), writing, plan: refined(message.plan, { cut, encoding }) }
}

function inCloud(message: Message, models: Models): Todo {
  const model = chosen(message, models)
  return { input: models.entry(model).input, writing: asTensor, plan: refined(message.plan, { model }) }
}

/** The input from which every candidate's can still be made: the largest, with the least cropped away. */
function largest(ids: readonly string[], models: Models): ModelInput {
  const inputs = ids.map((id) => models.entry(id).input)
  const big = inputs.reduce((best, input) => (input.width * input.height > best.width * best.height ? input : best))
  return { ...big, crop: Math.max(...inputs.map((input) => input.crop)) }
}

const asTensor: PictureWriting = { format: 'tensor' }

function writingOf(encoding: string): PictureWriting {
  const writing = pictureWriting(encoding)
  if (writing !== undefined) return writing
  assertEncoding(encoding)
  throw new BadConfiguration(
    `A prepared picture cannot be encoded as "${encoding}". Use jpeg, webp, raw, tensor, or with a quality, e.g. jpeg:80.`,
  )
}
