/*
 * A phone-like device half and a cloud half in one process: pictures are captured, prepared, carried, executed and
 * answered, with every step's time. Needs no server.
 *
 *   npm start                                   120 generated pictures, prepared on the device
 *   npm start -- --place captured               the wire carries the captured pictures; the cloud prepares them
 *   npm start -- --place answered               the device does everything
 *   npm start -- --live 30                      a live source: the freshest frame enters, the others are dropped
 *   npm start -- --json                         one JSON object instead of the table
 */
import { setTimeout } from 'node:timers/promises'
import {
  type Answer,
  type Capture,
  type Cut,
  capture,
  catalogue,
  decide,
  drainOnSignals,
  execute,
  fixed,
  picture,
  pipeline,
  preprocess,
  transfer,
} from '../adapters/node/index.ts'
import { Complaints, commandLine, oneOf, positive, program } from './program.ts'
import { report, table } from './report.ts'
import { pictures, zooFolder } from './zoo/index.ts'

interface Options {
  readonly place: Cut
  readonly live: number | undefined
  readonly count: number
  readonly model: string
  readonly encoding: string
  readonly json: boolean
}

function options(): Options {
  const given = commandLine({
    place: { type: 'string', default: 'prepared' },
    live: { type: 'string' },
    count: { type: 'string', default: '120' },
    model: { type: 'string', default: 'large' },
    encoding: { type: 'string', default: 'jpeg' },
    json: { type: 'boolean', default: false },
  })
  return {
    ...given,
    place: oneOf('place', given.place, ['captured', 'prepared', 'answered']),
    encoding: oneOf('encoding', given.encoding, ['jpeg', 'webp', 'raw', 'tensor']),
    live: given.live === undefined ? undefined : positive('live', given.live),
    count: Math.ceil(positive('count', given.count)),
  }
}

await program(async () => {
  const { place, live, count, model, encoding, json } = options()
  const models = catalogue(zooFolder)
  // Unknown names are told before anything is drawn.
  models.entry(model)
  const say = (text: string) => {
    if (!json) process.stderr.write(text)
  }

  const gallery = { count, seed: 7, cache: '.cache/zoo/pictures' }

  // The pictures are drawn before the clock starts: a camera does not draw. Capturing reads them from the disk.
  say(`Drawing ${count} pictures (kept for the next run) `)
  const truth = new Map<string, string>()
  const idOf = (name: string) => name.replace('.jpg', '')
  for await (const { name, label } of pictures(gallery)) {
    truth.set(idOf(name), label)
    if (truth.size % 10 === 0) say('.')
  }
  say('\n')

  async function* frames(): AsyncGenerator<Capture> {
    const started = performance.now()
    let number = 0
    for await (const { name, jpeg } of pictures(gallery)) {
      // A live camera gives its frames when they are due, whoever is ready for them.
      if (live) await setTimeout(Math.max(0, started + (1000 * number++) / live - performance.now()))
      yield { id: idOf(name), payload: picture(jpeg) }
    }
  }

  const demo = pipeline(
    'quickstart',
    { models, deadline: 2000, late: 'answer', window: live ? 2 : 4, order: 'none' },
    capture(frames(), { live: live !== undefined }),
    decide(fixed({ cut: place, model, encoding }, place)),
    preprocess(),
    execute({ warm: place === 'answered' ? [model] : [] }),
    transfer(),
    preprocess(),
    execute({ warm: place === 'answered' ? [] : [model] }),
  )

  const running = demo.run()
  const unhook = drainOnSignals([running])
  const complaints = new Complaints(running)
  const answers: Answer[] = []
  for await (const answer of running) {
    answers.push(answer)
    const verdict = answer.label === truth.get(answer.id) ? 'right' : `wrong: ${truth.get(answer.id)}`
    if (answers.length % 10 === 0) {
      say(`${String(answers.length).padStart(4)}  ${answer.label} (${verdict}) in ${answer.latency.toFixed(0)} ms\n`)
    }
  }
  const counts = await running.done
  unhook()

  const result = report(answers, counts, (id) => truth.get(id))
  if (json) console.log(JSON.stringify(result))
  else {
    console.log(table(result))
    console.log('The two halves share one process: "transfer" is the way between them, no network is emulated.')
  }
  complaints.conclude(counts)
})
