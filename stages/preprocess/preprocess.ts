import type { Observable } from 'rxjs'
import {
  asStage,
  BadConfiguration,
  evolve,
  type ImagePayload,
  type Item,
  lastAnswer,
  type Message,
  type Payload,
  type PixelsPayload,
  type Prepared,
  type Ready,
  refined,
  type Side,
  type StageContext,
  type StageDefinition,
  workStage,
} from '../../pipeline/index.ts'
import { candidates, chosen, type ModelInput, type Models, modelsOf } from '../manage/index.ts'
import type { ImageEngine, PictureEncoding } from './ports.ts'

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
  /** How a prepared picture is written where the plan leaves it open. Default `jpeg`. */
  readonly encoding?: PictureEncoding
  /** JPEG/WebP quality, 1…100. Default 90. */
  readonly quality?: number
}

/**
 * Does what is still to do to a picture, as far as the plan wants it here. On the device: nothing for a cut at
 * `captured`; a prepared picture in the plan's encoding for `prepared`; the model's tensor for cuts behind it. Below
 * the wire: the model's tensor, whatever came. While the model is open, pictures are prepared for the largest input of
 * the candidates and stay pictures.
 */
export function preprocess(options: PreprocessOptions): Preprocess {
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
          const { input, encoding, plan } = todo
          const { quality = 90 } = options
          return options.images
            .prepare(message.payload, input, {
              encoding,
              quality,
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
  readonly encoding: PictureEncoding
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
    return { input: models.entry(model).input, encoding: 'tensor', plan: refined(message.plan, { cut, model }) }
  }
  const open = candidates(message, models)
  const wanted = message.plan.encoding ?? options.encoding ?? 'jpeg'
  const encoding = asPictureEncoding(wanted)
  if (open.length === 1 || encoding === 'tensor') {
    const model = chosen(message, models)
    return { input: models.entry(model).input, encoding, plan: refined(message.plan, { cut, model, encoding }) }
  }
  return { input: largest(open, models), encoding, plan: refined(message.plan, { cut, encoding }) }
}

function inCloud(message: Message, models: Models): Todo {
  const model = chosen(message, models)
  return { input: models.entry(model).input, encoding: 'tensor', plan: refined(message.plan, { model }) }
}

/** The input from which every candidate's can still be made: the largest, with the least cropped away. */
function largest(ids: readonly string[], models: Models): ModelInput {
  const inputs = ids.map((id) => models.entry(id).input)
  const big = inputs.reduce((best, input) => (input.width * input.height > best.width * best.height ? input : best))
  return { ...big, crop: Math.max(...inputs.map((input) => input.crop)) }
}

function asPictureEncoding(encoding: string): PictureEncoding {
  if (encoding === 'jpeg' || encoding === 'webp' || encoding === 'raw' || encoding === 'tensor') return encoding
  throw new BadConfiguration(`A prepared picture cannot be encoded as "${encoding}". Use jpeg, webp, raw or tensor.`)
}
