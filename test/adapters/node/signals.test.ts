import { afterEach, describe, expect, it, vi } from 'vitest'
import { drainOnSignals } from '../../../adapters/node/index.ts'

/** Something that drains when it is told to. */
function running() {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { drain: vi.fn((_within?: number) => promise), resolve, reject }
}

const signal = (name: 'SIGINT' | 'SIGTERM') => process.emit(name, name)

describe('drainOnSignals', () => {
  let unhook = () => {}
  afterEach(() => {
    unhook()
    vi.restoreAllMocks()
    process.exitCode = undefined
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('drains one after the other on %s, each within its time', async (name) => {
    const [first, second] = [running(), running()]
    unhook = drainOnSignals([first, second], 1234)
    signal(name)
    expect(first.drain).toHaveBeenCalledWith(1234)
    expect(second.drain).not.toHaveBeenCalled()
    first.resolve()
    await vi.waitFor(() => expect(second.drain).toHaveBeenCalledWith(1234))
  })

  it('drains the next one though one fails, says why, and lets the process end with 1', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const [first, second] = [running(), running()]
    unhook = drainOnSignals([first, second])
    signal('SIGINT')
    first.reject(new Error('no way out'))
    await vi.waitFor(() => expect(second.drain).toHaveBeenCalled())
    expect(said.mock.calls.flat().join()).toContain('no way out')
    expect(process.exitCode).toBe(1)
  })

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends the process at once at a second signal (%s: %i)', (name, code) => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
    unhook = drainOnSignals([running()])
    signal('SIGINT')
    expect(exit).not.toHaveBeenCalled()
    signal(name)
    expect(exit).toHaveBeenCalledWith(code)
  })

  it('leaves signals alone once it is taken off', () => {
    const before = process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')
    const one = running()
    drainOnSignals([one])()
    expect(process.listenerCount('SIGINT') + process.listenerCount('SIGTERM')).toBe(before)
  })
})
