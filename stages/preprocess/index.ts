export type { ImageEngine, PictureEncoding, PrepareOptions } from './ports.ts'
