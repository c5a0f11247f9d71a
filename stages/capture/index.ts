export { type CaptureOptions, capture, type Frame, picture } from './capture.ts'
