import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { BadConfiguration, VersionMismatch, versioned } from '../../pipeline/index.ts'

const note = versioned({
  what: 'a note',
  version: 3,
  schema: z.strictObject({ text: z.string(), size: z.number() }),
  remedy: 'Write it anew.',
  migrations: { 2: ({ body, ...rest }) => ({ ...rest, text: body, size: 1 }) },
})

describe('what is saved', () => {
  it('carries its version, and comes back as it was', () => {
    const saved = note.write({ text: 'a', size: 2 })
    expect(saved).toEqual({ version: 3, text: 'a', size: 2 })
    expect(note.read(JSON.parse(JSON.stringify(saved)), 'note.json')).toEqual(saved)
  })

  it('by an older release is migrated where that is known', () => {
    expect(note.read({ version: 2, body: 'a' }, 'note.json')).toEqual({ version: 3, text: 'a', size: 1 })
  })

  it('is migrated step by step, and what a step makes is checked as anything is', () => {
    const steps = versioned({
      what: 'a step',
      version: 3,
      schema: z.strictObject({ n: z.number().max(20) }),
      remedy: 'Go.',
      migrations: { 1: ({ n }) => ({ n: Number(n) + 1 }), 2: ({ n }) => ({ n: Number(n) * 10 }) },
    })
    expect(steps.read({ version: 1, n: 1 }, 'it')).toEqual({ version: 3, n: 20 })
    expect(() => steps.read({ version: 1, n: 2 }, 'it')).toThrow(BadConfiguration)
  })

  it.each([
    ['newer', { version: 4, text: 'a', size: 2 }, /^note\.json is of version 4 of a note.*reads version 3.*Upgrade/],
    ['too old', { version: 1, body: 'a' }, /^note\.json is of version 1 of a note.*reads version 3.*Write it anew\.$/],
    ['of no version', { text: 'a', size: 2 }, /^note\.json says no version.*reads version 3 of a note\. Write it anew/],
    ['of a version that is none', { version: '3', text: 'a', size: 2 }, /says no version/],
    ['of a broken version', { version: 2.5, text: 'a' }, /says no version/],
    ['nothing', null, /says no version/],
    ['a list', [], /says no version/],
  ])('is refused by name, with what it is, what is known, and what to do: %s', (_what, saved, says) => {
    expect(() => note.read(saved, 'note.json')).toThrow(VersionMismatch)
    expect(() => note.read(saved, 'note.json')).toThrow(says)
  })

  it('of the right version is refused where it is wrong', () => {
    expect(() => note.read({ version: 3, text: 'a' }, 'note.json')).toThrow(BadConfiguration)
    expect(() => note.read({ version: 3, text: 'a' }, 'note.json')).toThrow(/^note\.json is not a note.*"size".*anew/)
    expect(() => note.read({ version: 3, text: 'a', size: 1, more: 1 }, 'note.json')).toThrow(BadConfiguration)
  })

  it('keeps what its schema demands of the whole', () => {
    const pair = versioned({
      what: 'a pair',
      version: 1,
      schema: z.strictObject({ a: z.number(), b: z.number() }).refine(({ a, b }) => a < b),
      remedy: 'Swap.',
    })
    expect(pair.read({ version: 1, a: 1, b: 2 }, 'it')).toEqual({ version: 1, a: 1, b: 2 })
    expect(() => pair.read({ version: 1, a: 2, b: 1 }, 'it')).toThrow(BadConfiguration)
  })
})
