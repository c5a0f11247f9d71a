import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const openssl = process.env.QUINTET_OPENSSL || 'openssl'

/** Part of the names of tests that need certificates: says why they are skipped. */
export const needsOpenssl =
  spawnSync(openssl, ['version']).status === 0 ? '' : ' (skipped: no openssl on PATH, and QUINTET_OPENSSL is not set)'

/** A certificate of its own authority, made anew. @param name what it is for: `IP:127.0.0.1` or `DNS:…` */
export function certificate(folder: string, name: string): { readonly certFile: string; readonly keyFile: string } {
  const stem = name.replace(/\W+/g, '-')
  const [certFile, keyFile] = [join(folder, `${stem}.crt`), join(folder, `${stem}.key`)]
  const made = spawnSync(openssl, [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=quintet-test'],
    ...['-addext', `subjectAltName=${name}`, '-keyout', keyFile, '-out', certFile],
  ])
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr}`)
  return { certFile, keyFile }
}
