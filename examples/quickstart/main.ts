/*
 * A phone behind a link that changes in mid-run: good Wi-Fi, then a replayed LTE trace, then nothing for a second, then
 * Wi-Fi again. Deciders choose for every frame where its wire goes; beside them, on the same frames and the same link,
 * phones that always do the same. Phone and link are emulated, pictures, models and messages are real. Needs no server.
 *
 *   npm start                          160 frames, 8 a second
 *   npm start -- --live 15             more frames a second
 *   npm start -- --trace FILE          another uplink: mahimahi's .up, or two columns, seconds and Mbit/s
 *   npm start -- --sla 300             a longer deadline, ms
 *   npm start -- --report FILE.html    where the picture of the run goes
 *   npm -s start -- --json             one JSON object instead of the table
 */
import { mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { readTrace } from '../../adapters/link/index.ts'
import { catalogue, drainOnSignals, type Models } from '../../adapters/node/index.ts'
import { Complaints, commandLine, positive, program } from '../program.ts'
import { pictures, zooFolder } from '../zoo/index.ts'
import { contest, type Shot } from './contest.ts'
import { lte, story } from './network.ts'
import { writePage } from './page.ts'
import type { PhoneTimes } from './phone.ts'
import { policies } from './policies.ts'
import { beaten, table, verdict } from './verdict.ts'

/** The zoo's models are small; so much slower they take a phone what models of a phone's size take it. */
const slower = 750
/** A camera's frames, smaller than its pictures. */
const frames = [{ share: 1, megapixels: [0.3, 0.9] }] as const

/** A mid-range phone: models by the catalogue's times, pictures by their bytes. */
function phoneTimes(models: Models): PhoneTimes {
  return {
    run: (model) => slower * (models.entry(model).latencyMs ?? 0),
    prepare: (bytes) => 15 + bytes / 5000,
  }
}

await program(async () => {
  const given = commandLine({
    live: { type: 'string', default: '8' },
    count: { type: 'string', default: '160' },
    sla: { type: 'string', default: '150' },
    trace: { type: 'string' },
    report: { type: 'string', default: '.cache/quickstart.html' },
    json: { type: 'boolean', default: false },
  })
  const rate = positive('live', given.live)
  const count = Math.ceil(positive('count', given.count))
  const sla = positive('sla', given.sla)
  const trace = given.trace === undefined ? lte : await readTrace(given.trace)
  const say = (text: string) => {
    if (!given.json) process.stderr.write(text)
  }

  // The pictures are drawn before the clock starts: a camera does not draw.
  say(`Drawing ${count} pictures (kept for the next run) `)
  const shots: Shot[] = []
  for await (const { jpeg, label } of pictures({ count, seed: 11, mix: frames, cache: '.cache/zoo/frames' })) {
    shots.push({ jpeg, label })
    if (shots.length % 10 === 0) say('.')
  }

  const models = catalogue(zooFolder)
  const phases = story((1000 * count) / rate, trace)
  say(`\n${phases.map(({ name, from }) => `${(from / 1000).toFixed(1)} s ${name}`).join(' · ')}\n`)
  let complaints: Complaints | undefined
  let unhook = () => {}
  const courses = await contest({
    shots,
    policies: policies(models, { radio: '4g' }),
    models,
    phases,
    times: phoneTimes(models),
    rate,
    sla,
    onBegin: (running) => {
      unhook = drainOnSignals(running)
      complaints = new Complaints(running[0] as never)
    },
    onAnswer: ({ decides }, { seq, phase, place, model, right, latency = 0 }) => {
      if (!decides || seq % 8 !== 0) return
      const how = `${model} ${right ? 'right' : 'wrong'}, wire at ${place}, in ${latency.toFixed(0)} ms`
      say(`${String(seq).padStart(4)}  ${phase.padEnd(12)} ${how}\n`)
    },
  })
  unhook()

  const verdicts = courses.map(verdict)
  const report = resolve(given.report)
  await mkdir(dirname(report), { recursive: true })
  await writePage(report, { courses, verdicts, phases, sla })
  if (given.json) console.log(JSON.stringify({ sla, rate, emulated: ['phone', 'link', 'energy'], policies: verdicts }))
  else {
    const { captured, results, failures, dropped } = verdicts[0] as (typeof verdicts)[number]
    console.log(table(verdicts))
    console.log(
      `messages    ${captured} in = ${results} results + ${failures} failures + ${dropped} dropped (deciders)`,
    )
    const better = beaten(verdicts).map(({ policy }) => policy)
    console.log(
      better.length === 0
        ? 'No fixed policy is as good in right & on time, median time and energy at once.'
        : `As good in right & on time, median time and energy at once: ${better.join(', ')}.`,
    )
    console.log(
      `On time is within ${sla} ms. Phone, link and energy are emulated; pictures, models and messages are real.`,
    )
    console.log(`Where the wire went, frame by frame: ${report}`)
  }
  const first = courses[0]
  if (first) complaints?.conclude(first.counts)
})
