export type { ImageEngine, PictureEncoding, PrepareOptions } from './ports.ts'
export { type Preprocess, type PreprocessedPayload, type PreprocessOptions, preprocess } from './preprocess.ts'
