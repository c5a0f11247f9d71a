import type { CatalogueEntry } from '../../../stages/manage/index.ts'

/** What was measured of one model: `confusion[true label][answer]` counts held-out pictures, `p95` in ms. */
export type Measured = {
  readonly entry: CatalogueEntry
  readonly parameters: number
  readonly confusion: readonly (readonly number[])[]
  readonly p95: number
}

const ARCHITECTURE: Record<string, string> = {
  nano: 'Three convolutions, then an average over the picture.',
  small: 'Four convolutions with max pooling between them.',
  medium: 'Depthwise-separable convolutions (a strided one first).',
  large: 'Five residual blocks of two convolutions each; the short ways around them are branches of the graph.',
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`
const whole = (value: number) => Math.round(value).toLocaleString('en')

/** The model cards as one Markdown page. `machine` and `set` say where and on what was measured. */
export function cards(measured: readonly Measured[], about: { machine: string; set: string }): string {
  const rows = measured.map(({ entry, p95 }) => {
    const { input } = entry
    return `| ${entry.id} | ${input.width} × ${input.height} | ${percent(entry.accuracy)} | ${entry.latencyMs} | ${p95} | ${((entry.macs ?? 0) / 1e6).toFixed(2)} M | ${whole(entry.bytes)} |`
  })
  return `# Model cards

Written by \`examples/zoo/train/measure.ts\`; do not edit. Measured on ${about.set}
(\`PHONE\` sizes), none of them used in training, each decoded, turned upright, covered to the model's input and
normalised as \`catalogue.json\` says. Times are of the model alone, on ${about.machine}.

| model | input | accuracy | ms (p50) | ms (p95) | multiply-accumulates | bytes |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join('\n')}

All were trained on 12,000 drawn pictures (seeds 1001 and 1002; 95 % drawn at 0.1–0.25 megapixels, the others at
1–12), of which 600 only watched the training. The int8 models are the float32 ones after static quantisation
(unsigned 8-bit activations, 7-bit signed weights with a scale for each channel), calibrated on 300 training pictures.

**Limits.** They know drawings of ten things (${measured[0]?.entry.labels.join(', ')}),
one a picture, inside its central square, and were never shown a photograph. A picture of anything else still gets one
of the ten labels. Things smaller than 45 % of the picture's shorter side were never shown to them either.
Licence: MIT, models and pictures alike.

${measured.map(card).join('\n')}`
}

function card({ entry, parameters, confusion }: Measured): string {
  const counts = confusion.map((row) => row.reduce((sum, count) => sum + count, 0))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const spread = 1.96 * Math.sqrt((entry.accuracy * (1 - entry.accuracy)) / total)
  const heads = entry.labels.join(' | ')
  const perClass = confusion.map((row, i) => percent((row[i] ?? 0) / Math.max(1, counts[i] ?? 0))).join(' | ')
  return `## ${entry.id}

${ARCHITECTURE[entry.id.replace('-int8', '')] ?? ''} ${whole(parameters)} parameters, ${entry.precision}, ONNX opset 17, any batch size.

- accuracy ${percent(entry.accuracy)} ± ${(100 * spread).toFixed(1)} (95 %, ${total} pictures); most often ${worst(entry.labels, confusion)}
- sha256 \`${entry.sha256}\`

| ${heads} |
|${' --- |'.repeat(entry.labels.length)}
| ${perClass} |
`
}

/** The commonest mistake, in words. */
function worst(labels: readonly string[], confusion: Measured['confusion']): string {
  let found = { count: 0, text: 'no mistake' }
  for (const [truth, row] of confusion.entries()) {
    for (const [answer, count] of row.entries()) {
      if (truth !== answer && count > found.count) {
        found = { count, text: `wrong about a ${labels[truth]}, called a ${labels[answer]} (${count} times)` }
      }
    }
  }
  return found.text
}
