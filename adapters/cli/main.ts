#!/usr/bin/env node
import { terminal } from './output.ts'
import { run } from './program.ts'

const interrupt = new AbortController()
// Only a command that goes on by itself waits for it; the others end as the terminal asks.
if (process.argv.includes('--watch')) process.once('SIGINT', () => interrupt.abort())
process.exitCode = await run(process.argv.slice(2), terminal, interrupt.signal)
