export { type AlertOptions, alert } from './alert.ts'
export { type AnsOptions, ans } from './ans.ts'
export { type ChainLayer, type LayerKind, type Layers, layersOf } from './layers.ts'
export { type MauiOptions, maui } from './maui.ts'
