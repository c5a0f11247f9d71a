import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { policy } from '../../../adapters/cli/policies.ts'
import { run } from '../../../adapters/cli/program.ts'
import { BadConfiguration } from '../../../pipeline/index.ts'
import { seededRandom } from '../../../pipeline/testing/index.ts'
import { log } from '../../stages/decide/replay/world.ts'
import { menu, request, world } from '../../stages/decide/support.ts'
import { temporaryFolder } from '../../support/folder.ts'

const folder = temporaryFolder()
const path = join(folder, 'decisions.jsonl')
writeFileSync(
  path,
  [...log(1500, seededRandom(1))]
    .flat()
    .map((entry) => `${JSON.stringify(entry)}\n`)
    .join(''),
)
const zoo = 'examples/zoo/models'

async function quintet(...args: readonly string[]) {
  const written: string[] = []
  const notes: string[] = []
  const code = await run(args, { write: (text) => written.push(text), note: (text) => notes.push(text) })
  return { code, out: written.join('\n'), notes: notes.join('\n') }
}

describe('quintet replay', () => {
  it('says of each policy how often it agrees, what it chooses, and what would have come of it', async () => {
    const { code, out } = await quintet('replay', path, '--policy', 'in-cloud', '--policy', 'place')
    expect(code).toBe(0)
    expect(out).toContain('1500 decisions of drawn: 0 without an outcome, 0 damaged lines, 0 entries lost')
    expect(out).toMatch(/in-cloud: agrees in \d+\.\d % of 1500/)
    expect(out).toMatch(/on time +\d+\.\d % \[.*\] .*\[.*\] .*\[.*\] .*\[.*\] .*\[.*\]/)
    expect(out).toMatch(/cut captured +100\.0 %/)
    expect(out).toMatch(/place: agrees/)
  })

  it('says the same as JSON, and the same every time', async () => {
    const json = async () => (await quintet('replay', path, '--policy', 'in-cloud', '--json')).out
    const first = await json()
    expect(JSON.parse(first)).toMatchObject({
      by: 'drawn',
      decisions: 1500,
      log: { entries: 3000, damaged: 0, lost: 0 },
      policies: [{ name: 'in-cloud', decisions: 1500, metrics: { latency: { dr: { value: expect.any(Number) } } } }],
    })
    expect(await json()).toBe(first)
  })

  it('says why it does not estimate', async () => {
    const { out } = await quintet('replay', path, '--policy', 'fixed:model=small', '--models', zoo)
    expect(out).toContain('not estimated by weights: ')
  })

  it('names what is missing or wrong', async () => {
    expect((await quintet('replay', path)).notes).toContain('Name a policy')
    expect((await quintet('replay', path, '--policy', 'guess')).notes).toContain('no policy "guess"')
    expect((await quintet('replay', path, '--policy', 'select')).notes).toContain('no models')
    expect((await quintet('replay', join(folder, 'none'), '--policy', 'place')).notes).toContain('no file')
    expect((await quintet('replay', path, '--policy', 'place', '--of', 'them')).notes).toContain(
      'no decision of "them"',
    )
  })
})

describe('a policy on the command line', () => {
  const context = { models: undefined, random: () => 0.5 }
  const names = (text: string) => policy(text, context).map(({ name }) => name)

  it('is a decider, one with options, or several in a row', () => {
    expect(names('place')).toEqual(['place'])
    expect(names('place:{"tryEvery":50}+select:modipick')).toEqual(['place', 'select modipick'])
    expect(names('select:rule=static-greedy,gamma=2')).toEqual(['select static-greedy'])
    const [fixed] = policy('fixed:cut=answered,model=a', context)
    expect(fixed?.decide(request(), world, menu)).toMatchObject({ cuts: ['answered'], models: ['a'] })
  })

  it('that is not understood is a named error', () => {
    for (const text of [
      '',
      'place:{',
      'place:{"speed":1}',
      'select:fastest',
      'fixed',
      'fixed:colour=red',
      'select:=2',
    ]) {
      expect(() => policy(text, context)).toThrow(BadConfiguration)
    }
  })
})
