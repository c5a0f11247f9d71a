export { NatsServerMissing, type ObtainOptions, obtainNatsServer } from './obtain.ts'
