import type { ImageEngine, Models } from '../../../adapters/node/index.ts'
import {
  type ContestOptions,
  type Course,
  contest,
  type Engines,
  type Shot,
} from '../../../examples/quickstart/contest.ts'
import { LABELS } from '../../../examples/zoo/index.ts'
import { type Clock, sleep, type Tensor } from '../../../pipeline/index.ts'
import { type FakeClock, fakeClock, seededRandom } from '../../../pipeline/testing/index.ts'
import { fakeExecutors } from '../../../stages/execute/testing.ts'

/** What a run of one policy comes to. */
export interface Score {
  readonly policy: string
  readonly rightAndOnTime: number
  readonly course: Course
}

export type World = Omit<ContestOptions, 'clock' | 'engines' | 'shots'> & {
  readonly count: number
  /** Bytes of a frame. */
  readonly bytes: number | ((seq: number) => number)
  /** Milliseconds of a run in the cloud. */
  readonly cloud: (model: string) => number
  /** How hard a frame is, 0…1: models of a greater accuracy get it right. */
  readonly difficulty: (seq: number) => number
}

/** Bytes of a prepared picture's pixel, and of every picture. */
const [perPixel, header] = [0.25, 600]

/** The quickstart's contest on a clock of its own: all is real but pictures and models, which take their time alone. */
export async function played({ count, bytes, cloud, difficulty, ...options }: World): Promise<readonly Score[]> {
  const clock = fakeClock()
  const label = (seq: number) => LABELS[(seq * 7) % LABELS.length] as string
  const shots = Array.from({ length: count }, (_, seq): Shot => {
    return { jpeg: marked(seq, typeof bytes === 'number' ? bytes : bytes(seq)), label: label(seq) }
  })
  const executors = (run: (model: string) => number) =>
    fakeExecutors({
      clock,
      runMs: ({ name }) => run(name),
      answer: ({ name }, inputs) => [logits(name, options.models, seqOf(inputs), difficulty)],
    })
  const engines: Engines = {
    phone: () => ({ images: images(clock, 0), executors: executors(() => 0) }),
    cloud: () => ({ images: images(clock, 2), executors: executors(cloud) }),
  }
  const courses = await untilDone(contest({ ...options, shots, clock, engines }), clock)
  return courses.map((course) => {
    const good = course.frames.filter(({ right, onTime }) => right && onTime).length
    return { policy: course.policy.name, rightAndOnTime: good / count, course }
  })
}

/** Difficulties that are drawn evenly. */
export function evenly(count: number, seed: number): (seq: number) => number {
  const random = seededRandom(seed)
  const all = Array.from({ length: count }, () => random())
  return (seq) => all[seq] as number
}

/** A label and how sure of it: scores of what is right are the higher the easier it was. */
function logits(model: string, models: Models, seq: number, difficulty: (seq: number) => number): Tensor {
  const { accuracy } = models.entry(model)
  const ease = accuracy - difficulty(seq)
  const values = new Float32Array(LABELS.length)
  const truth = (seq * 7) % LABELS.length
  values[ease > 0 ? truth : (truth + 1) % LABELS.length] = ease > 0 ? 3 + 4 * ease : 2 + 2 * Math.max(0, ease + 0.2)
  return { name: 'logits', type: 'float32', shape: [1, values.length], bytes: new Uint8Array(values.buffer) }
}

function images(clock: Clock, ms: number): ImageEngine {
  return {
    async prepare(source, { width, height, type }, { encoding, signal }) {
      const seq = source.form === 'tensors' ? seqOf(source.tensors) : read(source.bytes)
      await sleep(clock, ms, signal ?? undefined)
      if (encoding !== 'tensor') {
        const bytes = marked(seq, Math.round(header + perPixel * width * height))
        return { form: 'image', at: 'prepared', bytes, width, height }
      }
      const size = 3 * width * height * (type === 'uint8' ? 1 : 4)
      const tensor: Tensor = { name: 'picture', type, shape: [1, 3, height, width], bytes: marked(seq, size) }
      return { form: 'tensors', at: 'prepared', tensors: [tensor] }
    },
    measure: async () => ({ width: 800, height: 600 }),
  }
}

function marked(seq: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  new DataView(bytes.buffer).setUint32(0, seq)
  return bytes
}

const read = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
const seqOf = (tensors: readonly Tensor[]) => read((tensors[0] as Tensor).bytes)

async function untilDone<T>(work: Promise<T>, clock: FakeClock): Promise<T> {
  let open = true
  const close = () => {
    open = false
  }
  void work.then(close, close)
  while (open) await clock.advance(5)
  return work
}
