/*
 * npx tsx test/bench/decision-pictures.ts
 *
 * Draws the pictures of the deciders' pages and prints the figures of their tables: simulated messages under published
 * coefficients (PieSlicer) and the published zoo (MDInference, from ../shared/assets/papers).
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Cut, systemClock, World } from '../../pipeline/index.ts'
import { seededRandom } from '../../pipeline/testing/index.ts'
import { backup, EnergyModel, place, type SelectOptions, select } from '../../stages/index.ts'
import { menu, modelSet, normal, outcome, request } from '../stages/decide/support.ts'
import { assets } from '../support/assets.ts'
import { type Panel, svg } from './svg.ts'

const world = new World(systemClock)
const beside = (name: string) => new URL(`../../stages/decide/${name}`, import.meta.url)

function drawPlace(): void {
  const cloud = [58.049, 3.824] as const
  const p = 53_982
  const line = ([slope, constant]: readonly [number, number], bytes: number) => (slope * bytes) / 1e6 + constant
  const phones = {
    'Nexus 5, campus': { local: [103.982, 36.018], transfer: [389.698, 104.983] },
    'Nexus 5, home': { local: [103.982, 36.018], transfer: [1124.668, 86.308] },
    'Pixel 2, campus': { local: [39.143, 63.091], transfer: [94.797, 98.585] },
    'Pixel 2, home': { local: [39.143, 63.091], transfer: [1529.267, 112.212] },
  } as const
  const panels: Panel[] = []
  for (const [name, { local, transfer }] of Object.entries(phones)) {
    const costs = (bytes: number) => ({
      prepared: line(local, bytes) + line(transfer, p) + line(cloud, p),
      captured: line(transfer, bytes) + line(cloud, bytes),
    })
    const random = seededRandom(1)
    const decider = place()
    const sum = { place: 0, best: 0, captured: 0, prepared: 0 }
    const bins = Array.from({ length: 25 }, () => ({ all: 0, there: 0 }))
    for (let i = 0; i < 5000; i++) {
      const bytes = Math.round(2e4 + random() ** 2 * 2e6)
      const way = decider.decide(request({ bytes }), world, menu).cuts[0] as 'captured' | 'prepared'
      const sent = way === 'captured' ? bytes : p
      const noisy = (ms: number) => ms * Math.max(0.5, normal(random, 1, 0.1))
      const timings = {
        transfer: noisy(line(transfer, sent)),
        cloud: noisy(line(cloud, sent)),
        ...(way === 'prepared' ? { device: noisy(line(local, bytes)) } : {}),
      }
      decider.observe?.(outcome({ cut: way as Cut }, timings, { bytes, crossing: { at: way, bytes: sent } }), world)
      const cost = costs(bytes)
      sum.place += cost[way]
      sum.captured += cost.captured
      sum.prepared += cost.prepared
      sum.best += Math.min(cost.captured, cost.prepared)
      const bin = bins[Math.min(24, Math.floor((bytes / 2e6) * 25))]
      if (bin) {
        bin.all++
        if (way === 'captured') bin.there++
      }
    }
    const ratio = (ms: number) => `${((100 * ms) / sum.best - 100).toFixed(1)} %`
    console.log(`| ${name} | ${ratio(sum.captured)} | ${ratio(sum.prepared)} | ${ratio(sum.place)} |`)
    if (name !== 'Nexus 5, campus' && name !== 'Pixel 2, campus') continue
    const sizes = Array.from({ length: 41 }, (_, i) => i / 20)
    panels.push({
      title: name,
      x: 'captured size, MB',
      y: 'ms, and % sent as captured',
      to: [2, 400],
      series: [
        {
          name: 'in the cloud',
          points: sizes.filter((mb) => costs(mb * 1e6).captured <= 400).map((mb) => [mb, costs(mb * 1e6).captured]),
        },
        { name: 'on the device', points: sizes.map((mb) => [mb, costs(mb * 1e6).prepared]) },
        {
          name: 'sent as captured by place (top: all)',
          points: bins.map(({ all, there }, i) => [(i + 0.5) * 0.08, (400 * there) / Math.max(1, all)]),
        },
      ],
    })
  }
  writeFileSync(beside('place.svg'), svg(panels))
}

function drawSelect(): void {
  if (!assets) return console.error('select.svg needs ../shared/assets: left as it is.')
  const schema = z.object({
    zoo: z.object({
      p2: z.array(z.object({ name: z.string(), top1: z.number(), mu_ms: z.number(), sigma_ms: z.number() })),
    }),
  })
  const file: unknown = JSON.parse(readFileSync(join(assets, 'papers/mdinference.json'), 'utf8'))
  const pool = /^(squeezenet|densenet|nasnet_(mobile|large)|inception.*|mobilenet.*_224_frozen)$/
  const zoo = schema.parse(file).zoo.p2.filter(({ name }) => pool.test(name))
  const models = modelSet(
    zoo.map(({ name, top1, mu_ms }) => ({ id: name.replaceAll('.', '_'), accuracy: top1 / 100, latencyMs: mu_ms })),
  )
  const contestants: Readonly<Record<string, SelectOptions>> = {
    'MDInference, published budget': { budget: 'published' },
    'MDInference, our budget': {},
    ModiPick: { rule: 'modipick', budget: 'published' },
    'static greedy': { rule: 'static-greedy' },
    'static latency': { rule: 'static-latency' },
  }
  const slas = Array.from({ length: 16 }, (_, i) => 25 * (i + 1))
  const panel = (title: string, downOf: (up: number) => number): Panel => ({
    title,
    x: 'deadline, ms',
    y: '% correct and on time',
    to: [400, 100],
    series: Object.entries(contestants).map(([name, options]) => ({
      name,
      points: slas.map((sla) => {
        const random = seededRandom(sla)
        const decider = select({ models, random: seededRandom(5), ...options })
        let good = 0
        const times = 4000
        for (let i = 0; i < times; i++) {
          const up = Math.max(1, normal(random, 50, 25))
          const down = downOf(up)
          const asked = request({ side: 'cloud', elapsed: up, deadline: sla, remaining: sla - up, way: { up, down } })
          const id = decider.decide(asked, world, { ...menu, models: models.ids }).models[0] as string
          const { top1 = 0, mu_ms = 0, sigma_ms = 0 } = zoo[models.ids.indexOf(id)] ?? {}
          const execute = Math.max(0.1, normal(random, mu_ms, sigma_ms))
          decider.observe?.(outcome({ model: id }, { execute }, { side: 'cloud', way: { up, down } }), world)
          if (up + down + execute <= sla) good += top1
        }
        return [sla, good / times] as const
      }),
    })),
  })
  const panels = [
    panel('the way down takes as long as the way up', (up) => up),
    panel('the way down takes 10 ms', () => 10),
  ]
  for (const { title, series } of panels) {
    console.log(title)
    for (const { name, points } of series) {
      const at = [100, 150, 200, 250].map((sla) => points.find(([x]) => x === sla)?.[1].toFixed(1))
      console.log(`| ${name} | ${at.join(' | ')} |`)
    }
  }
  writeFileSync(beside('select.svg'), svg(panels))
}

/** MDInference's networks, one way, ms: mean and deviation. */
const networks = { campus: [57.87, 30.79], home: [92.02, 48.38] } as const

function drawBackup(): void {
  const device = { id: 'mobilenet_v1_025_128', accuracy: 0.414, latencyMs: 66 }
  const cloud = { accuracy: 0.779, ms: 31.11 }
  const models = modelSet([device])
  const energy = new EnergyModel()
  const perRun = energy.compute(device.latencyMs) - energy.wait(device.latencyMs)
  const contestants: Readonly<Record<string, Parameters<typeof backup>[0] | undefined>> = {
    none: undefined,
    always: { when: 'always' },
    pays: {},
    'pays, 1 J = 0.5': { price: 0.5 },
  }
  const slas = Array.from({ length: 16 }, (_, i) => 100 + 25 * i)
  const panels: Panel[] = []
  for (const [network, [mean, deviation]] of Object.entries(networks)) {
    const played = Object.entries(contestants).map(([name, options]) => ({
      name,
      points: slas.map((sla) => {
        const random = seededRandom(sla)
        const decider = options && backup({ models, ...options })
        const offered = { ...menu, cuts: ['captured'], backups: ['none', `model:${device.id}`] } as const
        let [right, runs] = [0, 0]
        const times = 4000
        for (let i = 0; i < times; i++) {
          const way = () => Math.max(1, normal(random, mean, deviation))
          const transfer = way() + way()
          const ms = transfer + cloud.ms
          const backupMs = Math.max(20, normal(random, device.latencyMs, 6))
          const asked = request({ deadline: sla, bytes: 50_000 })
          const plan = decider?.decide(asked, world, offered)
          const starts =
            plan?.backups[0] === 'none' ? Number.POSITIVE_INFINITY : (plan?.backupAfter ?? Number.POSITIVE_INFINITY)
          const ran = starts < Math.min(ms, sla)
          if (ran) runs++
          right += ms <= sla ? cloud.accuracy : ran && starts + backupMs <= sla ? device.accuracy : 0
          const done = starts + backupMs
          const [latency, error] =
            done <= Math.min(ms, sla) ? [done, undefined] : ms <= sla ? [ms, 'cancelled'] : [sla, 'deadline-exceeded']
          const end = error ? ({ kind: 'failure', error } as const) : {}
          const began = { began: starts, latency, backup: true } as const
          if (ran) decider?.observe?.(outcome({ cut: 'answered', model: device.id }, {}, { ...began, ...end }), world)
          const crossed = { latency: Math.min(ms, sla), bytes: 50_000 }
          decider?.observe?.(
            ms <= sla
              ? outcome({ cut: 'captured' }, { transfer }, { ...crossed, crossing: { bytes: 50_000 } })
              : outcome({ cut: 'captured' }, {}, { ...crossed, kind: 'failure', error: 'deadline-exceeded' }),
            world,
          )
        }
        return { sla, right: (100 * right) / times, mJ: (runs / times) * perRun }
      }),
    }))
    const of = (pick: (point: { sla: number; right: number; mJ: number }) => number) =>
      played.map(({ name, points }) => ({
        name,
        points: points.map((point) => [point.sla - 100, pick(point)] as const),
      }))
    panels.push(
      {
        title: `${network}: right and on time`,
        x: 'deadline − 100, ms',
        y: '%',
        to: [400, 100],
        series: of((p) => p.right),
      },
      {
        title: `${network}: energy of backups`,
        x: 'deadline − 100, ms',
        y: 'mJ a message',
        to: [400, 200],
        series: of((p) => p.mJ),
      },
    )
    console.log(network)
    for (const { name, points } of played) {
      const at = [150, 200, 250, 350].map((sla) => points.find((point) => point.sla === sla))
      console.log(`| ${name} | ${at.map((p) => `${p?.right.toFixed(1)} / ${p?.mJ.toFixed(1)}`).join(' | ')} |`)
    }
  }
  writeFileSync(beside('backup.svg'), svg(panels))
}

drawPlace()
drawSelect()
drawBackup()
