import { cuts, type Model } from '../onnx/graph/index.ts'

/** How numbers are written for the wire, by bytes per float and microseconds per kilobyte of float32 on either side. */
export const writings = {
  float32: { share: 1, microseconds: 0.13 },
  float16: { share: 0.5, microseconds: 1 },
  uint8: { share: 0.25, microseconds: 1.2 },
} as const

/** A network between device and cloud. */
export interface Link {
  /** Mbit/s. */
  readonly uplink: number
  /** Milliseconds. */
  readonly rtt: number
}

/** What is to be planned. */
export interface Question {
  readonly model: Model
  /** Milliseconds per layer on either side. */
  readonly device: readonly number[]
  readonly cloud: readonly number[]
  readonly writing: keyof typeof writings
  /** Bytes of the input as it would be sent whole; those of the input tensor where not stated. */
  readonly inputBytes?: number | undefined
}

/** One place for the wire, and what it costs. */
export interface Choice {
  /** `prepared` (everything in the cloud), a cut's name, or `answered` (everything on the device). */
  readonly name: string
  readonly label: string
  readonly bytes: number
  /** Milliseconds on the device, encoding included; in the cloud, decoding included. */
  readonly device: number
  readonly cloud: number
  readonly envelope: boolean
}

/** A choice over a certain link, in milliseconds. */
export interface Planned extends Choice {
  readonly transfer: number
  readonly total: number
}

/** Every place where the wire may cross: the model's input, each cut, and its end. */
export async function choices({ model, device, cloud, writing, inputBytes }: Question): Promise<Choice[]> {
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)
  const { share, microseconds } = writings[writing]
  const coding = (bytes: number): number => (bytes / 1024) * (microseconds / 1000)
  const states = new Set(model.states.map(({ input }) => input.name))
  const raw = sum(model.inputs.filter(({ name }) => !states.has(name)).map(({ bytes }) => bytes ?? 0))
  // The device codes as much more slowly as it computes.
  const slower = sum(cloud) > 0 ? sum(device) / sum(cloud) : 1
  const places = await cuts(model, { tensors: 1, verify: false })
  const middle = places.map((cut): Choice => {
    const inHead = new Set(cut.head)
    const onWire = sum(cut.crossing.map(({ type, bytes }) => (type === 'float32' ? bytes * share : bytes)))
    return {
      name: cut.name,
      label: cut.label,
      bytes: Math.round(onWire),
      device: sum(device.filter((_, layer) => inHead.has(layer))) + coding(cut.bytes) * slower,
      cloud: sum(cloud.filter((_, layer) => !inHead.has(layer))) + coding(cut.bytes),
      envelope: cut.envelope,
    }
  })
  const start = {
    name: 'prepared',
    label: 'input',
    bytes: inputBytes ?? raw,
    device: 0,
    cloud: sum(cloud),
    envelope: true,
  }
  const end = { name: 'answered', label: 'all on the device', bytes: 0, device: sum(device), cloud: 0, envelope: true }
  return [start, ...middle, end]
}

/** What each choice takes over a link. The answer, a label, travels back within the round trip. */
export function over(link: Link, all: readonly Choice[]): Planned[] {
  return all.map((choice) => {
    const transfer = choice.name === 'answered' ? 0 : (choice.bytes * 8) / (link.uplink * 1000) + link.rtt
    return { ...choice, transfer, total: choice.device + transfer + choice.cloud }
  })
}

/** The fastest. */
export function best(planned: readonly Planned[]): Planned | undefined {
  return planned.reduce<Planned | undefined>(
    (least, one) => (least && least.total <= one.total ? least : one),
    undefined,
  )
}

/** Which choice wins in a range of uplink rates. */
export interface Range {
  readonly from: number
  readonly to: number
  readonly choice: Choice
}

/** Rates from slow to fast, evenly spread by their logarithm. */
export function rates(from = 0.1, to = 1000, steps = 81): number[] {
  return Array.from({ length: steps }, (_, step) => from * (to / from) ** (step / (steps - 1)))
}

/** Which choice wins where, over a range of uplink rates; each range begins where the one before it ends. */
export function sweep(link: Link, all: readonly Choice[], at: readonly number[]): Range[] {
  const winner = (uplink: number): Choice | undefined => {
    const name = best(over({ ...link, uplink }, all))?.name
    return all.find((choice) => choice.name === name)
  }
  const ranges: Range[] = []
  for (const uplink of at) {
    const choice = winner(uplink)
    const last = ranges.at(-1)
    if (!choice) continue
    if (last?.choice === choice) ranges[ranges.length - 1] = { ...last, to: uplink }
    else if (!last) ranges.push({ from: uplink, to: uplink, choice })
    else {
      const edge = bisect(last.to, uplink, (rate) => winner(rate) === last.choice)
      ranges[ranges.length - 1] = { ...last, to: edge }
      ranges.push({ from: edge, to: uplink, choice })
    }
  }
  return ranges
}

function bisect(low: number, high: number, isLow: (rate: number) => boolean): number {
  let [from, to] = [low, high]
  for (let step = 0; step < 20; step++) {
    const middle = Math.sqrt(from * to)
    if (isLow(middle)) from = middle
    else to = middle
  }
  return to
}
