export { costOf, type Flow, type GraphCut, heavyCut, type LayerGraph, lightCut, longest, sum } from './mincut.ts'
