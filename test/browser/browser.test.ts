import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, stop } from 'esbuild'
import { type Browser, type Page as Opened, chromium as playwright } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Boundary } from '../../pipeline/index.ts'
import { chromium, needsChromium } from '../support/chromium.ts'
import type { Page } from './page.ts'

/** A browser starts slowly on a busy machine, ms. */
const patience = 120_000
const root = fileURLToPath(new URL('../..', import.meta.url))
/** esbuild fails where a browser's bundle imports what only Node has. */
const browserBundle = {
  absWorkingDir: root,
  bundle: true,
  format: 'iife',
  platform: 'browser',
  target: 'es2023',
  write: false,
  outdir: 'bundles',
  metafile: true,
  logLevel: 'silent',
} as const satisfies BuildOptions

afterAll(() => stop())

describe('a bundle for browsers', () => {
  it.each(['pipeline/index.ts', 'stages/decide/index.ts', 'stages/index.ts'])(
    'can be made of %s, with nothing of Node in it',
    async (entry) => {
      const { outputFiles, metafile } = await build({ ...browserBundle, entryPoints: [entry] })
      // A boolean, as the bundle would be all of a failure's message.
      expect(/\b(require|import)\(["']|\bfrom ["']/.test(outputFiles[0]?.text ?? 'from "nothing"')).toBe(false)
      expect(Object.values(metafile.outputs).flatMap(({ imports }) => imports)).toEqual([])
      // What a browser takes of a library is its browser's side.
      expect(Object.keys(metafile.inputs).filter((file) => /msgpackr\/(node-index|stream)/.test(file))).toEqual([])
    },
  )
})

describe.skipIf(chromium === undefined)(`in Chromium${needsChromium}`, () => {
  let browser: Browser
  let opened: Opened
  const faults: string[] = []

  beforeAll(async () => {
    const { outputFiles } = await build({ ...browserBundle, entryPoints: ['test/browser/page.ts'] })
    browser = await playwright.launch({
      executablePath: chromium as string,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    opened = await browser.newPage()
    opened.on('pageerror', (error) => faults.push(error.message))
    await opened.addScriptTag({ content: outputFiles[0]?.text ?? '' })
  }, patience)

  afterAll(() => browser?.close())

  it.each([
    ['handed over', { handsOver: true, bytes: 1000 }],
    ['written as bytes', { handsOver: false, bytes: 1000 }],
    ['in chunks with their hash', { handsOver: false, bytes: 200_000, chunkAbove: 100_000 }],
  ])(
    'a pipeline answers, in order, and its counts add up: messages %s',
    { timeout: patience },
    async (_how, options) => {
      const count = 42
      const ran = await opened.evaluate(
        ([n, given]) => (globalThis as unknown as { quintet: Page }).quintet.run(n, given),
        [count, options] as const,
      )
      const { counts, order, errors, decisions } = ran
      const all = Array.from({ length: count }, (_, n) => n)
      const dropped = all.filter((n) => n % 10 === 0)
      const failed = all.filter((n) => n % 7 === 0 && n % 10 !== 0)
      const answered = all.filter((n) => n % 7 !== 0 && n % 10 !== 0)
      expect(counts).toEqual({ in: count, results: answered.length, failures: failed.length, dropped: dropped.length })
      expect(counts.in).toBe(counts.results + counts.failures + counts.dropped)
      expect(order).toEqual(answered.map((n) => `p${n}`))
      expect(errors).toEqual(['stage-failed'])
      expect(decisions).toBe(count)
      expect(faults).toEqual([])
    },
  )

  it('the platform hashes and names subjects as Node does, packs with deflate, and refuses brotli by name', async () => {
    const had = await opened.evaluate(() => (globalThis as unknown as { quintet: Page }).quintet.platform())
    expect(had).toEqual({
      packings: ['deflate'],
      smaller: true,
      same: true,
      refused: expect.stringMatching(/^BadConfiguration: .*"brotli".*it has: plain, deflate\./),
      sha256: createHash('sha256').update('abc').digest('hex'),
      subject: Boundary.service('main', 'flowers').node('phone.main', 'one'),
    })
    expect(faults).toEqual([])
  })
})
