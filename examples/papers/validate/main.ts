/*
 * Whether the simulator tells the truth: one scenario simulated, and really run by two processes over a link that is
 * emulated in user space. Writes a row per policy: p50 within 10 %, share on time within 3 points.
 *
 *   npm run papers:validate                   each policy for a minute
 *   npm run papers:validate -- --seconds 120
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { quantile } from 'simple-statistics'
import { linkProxy, linkShape } from '../../../adapters/link/index.ts'
import { connect, natsServer } from '../../../adapters/nats/index.ts'
import { simulate } from '../../../adapters/simulation/index.ts'
import { commandLine, program } from '../../program.ts'
import { printed } from '../report.ts'
import { type Row, row } from '../rows.ts'
import { flow, policies } from './flow.ts'
import { pause, scene } from './scene.ts'

/** Frames that are not counted: connections open, deciders learn. */
const warmUp = 10
const seed = 1

interface Told {
  readonly p50: number
  readonly onTime: number
}

await program(async () => {
  const { seconds = '60' } = commandLine({ seconds: { type: 'string' } })
  const frames = warmUp + Math.ceil((1000 * Number(seconds)) / pause)
  const rows: Row[] = []
  for (const policy of Object.keys(policies)) {
    process.stderr.write(`${policy} … `)
    const [simulated, real] = [await inVirtualTime(policy, frames), await inRealTime(policy, frames)]
    process.stderr.write('done\n')
    rows.push(
      row('Simulated, and really run', `${policy}: p50 (ms)`, simulated.p50, {
        published: real.p50,
        aim: { withinShare: 0.1 },
      }),
      row('Simulated, and really run', `${policy}: on time (share)`, simulated.onTime, {
        published: real.onTime,
        aim: { within: 0.03 },
      }),
    )
  }
  const remarks = [
    'What stands as published is what two processes did over a NATS server behind the emulated link; ours is the simulator.',
    `${frames} frames, the first ${warmUp} left out. Pictures and models are stand-ins that take the scenario's times.`,
  ]
  console.log(printed({ title: 'Validation of the simulator', findings: { rows, plots: [], remarks } }))
})

async function inVirtualTime(policy: string, frames: number): Promise<Told> {
  const told = collected()
  const device = [(policies[policy] as (typeof policies)[string])()]
  await simulate(scene, {
    policy: { name: policy, device },
    seed,
    frames,
    pipeline: { window: 1000 },
    onAnswer: told.add,
  })
  return told.figures()
}

/** The device's half is this process, behind the link; the cloud's is another. */
async function inRealTime(policy: string, frames: number): Promise<Told> {
  const { link } = scene
  if (link.kind !== 'rates') throw new RangeError('Only a link of rates can be emulated.')
  const { up, down, delay = 0 } = link
  const shape = linkShape({ up, down, delay })
  const server = await natsServer()
  const proxy = await linkProxy({
    to: { host: '127.0.0.1', port: server.port },
    shape,
  })
  const cloud = fork(fileURLToPath(new URL('./cloud.ts', import.meta.url)), [server.url, policy, String(seed)], {
    execArgv: ['--import', 'tsx'],
  })
  try {
    await once(cloud, 'message')
    const transport = await connect(`nats://${proxy.host}:${proxy.port}`)
    const told = collected()
    const running = await flow(policy, frames, seed).device(transport, { node: 'device' })
    // The trace begins with the first frame, as it does in virtual time.
    proxy.use(shape)
    for await (const answer of running) told.add(answer)
    await running.done
    await transport.drain()
    return told.figures()
  } finally {
    cloud.kill()
    await proxy.close()
    await server.stop()
  }
}

function collected() {
  const latencies: number[] = []
  let onTime = 0
  return {
    add: ({
      seq,
      latency,
      onTime: inTime,
    }: {
      readonly seq: number
      readonly latency: number
      readonly onTime: boolean
    }) => {
      if (seq < warmUp) return
      latencies.push(latency)
      if (inTime) onTime++
    },
    figures: (): Told => ({ p50: quantile(latencies, 0.5), onTime: onTime / latencies.length }),
  }
}
