export { type ImageEngineOptions, imageEngine } from './engine.ts'
