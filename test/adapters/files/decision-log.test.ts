import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type DecisionLogOptions, decisionLog, readDecisions } from '../../../adapters/files/index.ts'
import { BadConfiguration, BadInput, VersionMismatch } from '../../../pipeline/index.ts'
import type { LogEntry, LoggedOutcome } from '../../../stages/index.ts'
import { outcome } from '../../stages/decide/support.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = temporaryFolder()
let files = 0
const file = () => join(folder, `log-${files++}.jsonl`)

const entry = (n: number): LogEntry => ({
  version: 1,
  type: 'outcome',
  by: 'place',
  ...outcome({}, {}, { id: `m${n}` }),
})

async function write(path: string, from: number, to: number, options?: DecisionLogOptions) {
  const log = await decisionLog(path, options)
  for (let n = from; n < to; n++) log.write(entry(n))
  await log.close()
  return log.counts
}

async function read(path: string | string[]) {
  const reader = readDecisions(path)
  const ids: string[] = []
  for await (const batch of reader) for (const one of batch) ids.push((one as LoggedOutcome).id ?? one.type)
  return { ids, counts: reader.counts }
}

const numbered = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `m${from + i}`)

describe('a decision log', () => {
  test('is read as it was written, also in several goes', async () => {
    const path = file()
    expect(await write(path, 0, 500)).toEqual({ written: 500, lost: 0 })
    await write(path, 500, 700)
    const { ids, counts } = await read(path)
    expect(ids).toEqual(numbered(0, 700))
    expect(counts).toEqual({ entries: 700, damaged: 0, lost: 0 })
  })

  test('begins a new file when one is full, keeps so many, and is read from the oldest on', async () => {
    const path = file()
    for (let n = 0; n < 100; n += 10) await write(path, n, n + 10, { maxBytes: 4000, files: 3 })
    expect([1, 2, 3].map((age) => existsSync(`${path}.${age}`))).toEqual([true, true, false])
    const { ids } = await read(path)
    expect(ids).toEqual(numbered(100 - ids.length, 100))
    expect(ids.length).toBeGreaterThanOrEqual(20)
    expect(ids.length).toBeLessThan(60)
  })

  test('loses what the disk is too slow for, counts it, and says so in the log', async () => {
    const path = file()
    const counts = await write(path, 0, 1000, { buffer: 4096 })
    expect(counts.lost).toBeGreaterThan(0)
    expect(counts.written + counts.lost).toBe(1000)
    expect((await read(path)).counts).toEqual({ entries: counts.written + 1, damaged: 0, lost: counts.lost })
  })

  test('counts what comes after it was closed, and closes once', async () => {
    const log = await decisionLog(file())
    log.write(entry(0))
    await Promise.all([log.close(), log.close()])
    log.write(entry(1))
    expect(log.counts).toEqual({ written: 1, lost: 1 })
  })

  test('goes on in a new line behind one that was torn', async () => {
    const path = file()
    await write(path, 0, 3)
    truncateSync(path, readFileSync(path).length - 30)
    await write(path, 3, 5)
    const { ids, counts } = await read(path)
    expect(ids).toEqual(['m0', 'm1', 'm3', 'm4'])
    expect(counts.damaged).toBe(1)
  })

  test('tells and counts what the disk refuses, and takes entries again when it can', async () => {
    const path = file()
    const faults: Error[] = []
    await write(path, 0, 5)
    // The older file's name is taken by a folder that is not empty: nothing can be moved there.
    const inTheWay = `${path}.1`
    mkdirSync(join(inTheWay, 'x'), { recursive: true })
    const log = await decisionLog(path, { maxBytes: 1024, files: 3, onFault: (error) => faults.push(error) })
    mkdirSync(`${path}.2`)
    log.write(entry(5))
    await vi.waitFor(() => expect(log.counts).toEqual({ written: 0, lost: 1 }))
    expect(faults).toHaveLength(1)
    rmSync(inTheWay, { recursive: true })
    rmSync(`${path}.2`, { recursive: true })
    log.write(entry(6))
    await log.close()
    expect(log.counts).toEqual({ written: 1, lost: 1 })
    const { ids, counts } = await read(path)
    expect(ids).toEqual([...numbered(0, 5), 'm6', 'lost'])
    expect(counts).toMatchObject({ damaged: 0, lost: 1 })
  })

  test('that cannot be opened, or is opened with a bad option, is a named error', async () => {
    await expect(decisionLog(join(folder, 'no', 'where'))).rejects.toThrow(BadConfiguration)
    await expect(decisionLog(file(), { files: 0 })).rejects.toThrow('files')
  })
})

describe('reading decision logs', () => {
  test('leaves out damaged lines, counted, however long they are', async () => {
    const path = file()
    await write(path, 0, 2)
    appendFileSync(path, `not json\n${'x'.repeat(5 * 2 ** 20)}\n\n`)
    await write(path, 2, 4)
    appendFileSync(path, '{"version":1,"type":"outc')
    const { ids, counts } = await read(path)
    expect(ids).toEqual(numbered(0, 4))
    expect(counts.damaged).toBe(3)
  })

  test('refuses another version, what is no log, and what is not there', async () => {
    const path = file()
    writeFileSync(path, `${JSON.stringify({ ...entry(0), version: 9 })}\n`)
    await expect(read(path)).rejects.toThrow(VersionMismatch)
    writeFileSync(path, 'hello\n')
    await expect(read(path)).rejects.toThrow(BadInput)
    await expect(read(join(folder, 'nowhere'))).rejects.toThrow('There is no file')
    await expect(read(folder)).rejects.toThrow('not a file')
  })

  test('goes from log to log in the order given', async () => {
    const [one, other] = [file(), file()]
    await write(one, 0, 2)
    await write(other, 2, 4)
    expect((await read([one, other])).ids).toEqual(numbered(0, 4))
  })
})
