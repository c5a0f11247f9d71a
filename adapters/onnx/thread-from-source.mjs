// A worker thread does not take over tsx from its parent, and its first file cannot be TypeScript on older Nodes.
// Only for running from source; the built package starts thread-entry itself.
import { register } from 'tsx/esm/api'

register()
await import('./thread-entry.ts')
