export { type DrawOptions, drawn, escaped, htmlPage, htmlTable } from './plots.ts'
