/*
 * Three nodes that share six models over one NATS server, and a device that asks for all of them. In the middle one node
 * is killed. Prints who held what before and after, and that no message was lost.
 *
 *   npx tsx examples/cluster/main.ts [--count 120] [--json]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { run as quintet } from '../../adapters/cli/index.ts'
import { connect, natsServer } from '../../adapters/nats/index.ts'
import { type Capture, picture, TransportClosed } from '../../adapters/node/index.ts'
import { Complaints, commandLine, positive, program } from '../program.ts'
import { pictures } from '../zoo/index.ts'
import { beside, sharing } from './definition.ts'

await program(async () => {
  const options = commandLine({
    count: { type: 'string', default: '120' },
    json: { type: 'boolean', default: false },
  })
  const { json } = options
  const count = Math.ceil(positive('count', options.count))
  const server = await natsServer({ jetStream: true })
  const children: ChildProcess[] = []
  process.once('exit', () => {
    for (const child of children) child.kill('SIGKILL')
  })
  const start = async (name: string): Promise<ChildProcess> => {
    const child = spawn(process.execPath, [...process.execArgv, beside('node'), name], {
      env: { ...process.env, NATS_URL: server.url },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    children.push(child)
    const ended = once(child, 'exit').then(() => {
      throw new TransportClosed(`Node "${name}" ended before it served. What it says above is why.`)
    })
    await Promise.race([once(child.stdout as NodeJS.ReadableStream, 'data'), ended])
    ended.catch(() => {})
    return child
  }
  const show = async (title: string) => {
    // Nodes write what they hold once a second.
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    if (!json) console.log(`\n${title}\n`)
    const lines: string[] = []
    const output = { write: (text: string) => lines.push(text), note: (text: string) => console.error(text) }
    await quintet(['cache', '--server', server.url, ...(json ? ['--json'] : [])], output)
    if (!json) console.log(lines.join('\n'))
    return lines.join('\n')
  }

  const transport = await connect({ servers: server.url })
  try {
    const [victim] = await Promise.all(['one', 'two', 'three'].map(start))
    let before = ''
    async function* frames(): AsyncGenerator<Capture> {
      let sent = 0
      for await (const { jpeg } of pictures({ count, seed: 7, cache: '.cache/zoo/pictures' })) {
        if (sent++ === Math.floor(count / 2)) {
          before = await show('Before node "one" is killed:')
          victim?.kill('SIGKILL')
        }
        yield { payload: picture(jpeg) }
      }
    }
    const device = await sharing(frames()).device(transport, { node: 'phone' })
    const complaints = new Complaints(device)
    const by = new Map<string, number>()
    for await (const { node } of device.answers) by.set(node, (by.get(node) ?? 0) + 1)
    const counts = await device.done
    // Its record expires 5 s after it was written last.
    await new Promise((resolve) => setTimeout(resolve, 4_000))
    const after = await show('After it:')
    if (json) {
      const [first, second] = [before, after].map((text) => JSON.parse(text) as unknown)
      console.log(JSON.stringify({ counts, answeredBy: Object.fromEntries(by), before: first, after: second }))
    } else {
      console.log(`\nanswered by: ${[...by].map(([node, answers]) => `${node} ${answers}`).join(', ')}`)
      console.log(
        `in ${counts.in} = ${counts.results} results + ${counts.failures} failures + ${counts.dropped} dropped`,
      )
    }
    complaints.conclude(counts)
  } finally {
    for (const child of children) child.kill('SIGTERM')
    await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
    await transport.drain()
    await server.stop()
  }
})
