import { execFile } from 'node:child_process'

/** Runs a program to its end and gives its standard output; rejects with what it said when it fails or takes too long. */
export function run(
  program: string,
  args: readonly string[],
  options: { cwd?: string; within: number },
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { cwd: options.cwd, timeout: options.within, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        const said = `${stderr}${stdout}`.trim().split('\n').slice(-2).join(' ')
        reject(new Error(`${program} ${args[0] ?? ''}: ${error.killed ? 'took too long' : said || error.message}`))
      },
    )
  })
}
