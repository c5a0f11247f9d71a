import { type Layer, Table } from './layers.ts'

/** One of the eight networks, and what its application captures. */
export interface Network {
  readonly name: string
  /** What it is called in the table. */
  readonly application: 'IMC' | 'VGG' | 'FACE' | 'DIG' | 'ASR' | 'POS' | 'NER' | 'CHK'
  readonly layers: readonly Layer[]
  /** Bytes of the input as it would be sent. */
  readonly inputBytes: number
  /** Where its layers and its input's size are from. */
  readonly source: string
}

/** Krizhevsky et al., NIPS 2012, as Caffe's bvlc_alexnet has it: 24 layers. */
const alexnet = new Table(3, 227)
  .conv('conv1', 96, 11, { stride: 4 })
  .each('relu1')
  .each('norm1', 'norm')
  .pool('pool1', 3, 2)
  .conv('conv2', 256, 5, { pad: 2, groups: 2 })
  .each('relu2')
  .each('norm2', 'norm')
  .pool('pool2', 3, 2)
  .conv('conv3', 384, 3, { pad: 1 })
  .each('relu3')
  .conv('conv4', 384, 3, { pad: 1, groups: 2 })
  .each('relu4')
  .conv('conv5', 256, 3, { pad: 1, groups: 2 })
  .each('relu5')
  .pool('pool5', 3, 2)
  .dense('fc6', 4096)
  .each('relu6')
  .each('drop6')
  .dense('fc7', 4096)
  .each('relu7')
  .each('drop7')
  .dense('fc8', 1000)
  .each('softmax')
  .argmax()

/** Simonyan and Zisserman, ICLR 2015, configuration E: 46 layers. */
const vgg = (() => {
  const table = new Table(3, 224)
  for (const [block, [convs, channels]] of [
    [2, 64],
    [2, 128],
    [4, 256],
    [4, 512],
    [4, 512],
  ].entries() as IterableIterator<[number, [number, number]]>) {
    for (let i = 1; i <= convs; i++) {
      table.conv(`conv${block + 1}_${i}`, channels, 3, { pad: 1 }).each(`relu${block + 1}_${i}`)
    }
    table.pool(`pool${block + 1}`, 2, 2)
  }
  return table
    .dense('fc6', 4096)
    .each('relu6')
    .each('drop6')
    .dense('fc7', 4096)
    .each('relu7')
    .each('drop7')
    .dense('fc8', 1000)
    .each('softmax')
    .argmax()
})()

/** Taigman et al., CVPR 2014: 10 layers, three of them locally connected. */
const deepface = new Table(3, 152)
  .conv('conv1', 32, 11)
  .pool('pool2', 3, 2)
  .conv('conv3', 16, 9)
  .local('local4', 16, 9)
  .local('local5', 16, 7, 2)
  .local('local6', 16, 5)
  .dense('fc7', 4096)
  .dense('fc8', 4030)
  .each('softmax')
  .argmax()

/** LeNet, as Caffe's MNIST example has it, on a query of 100 digits: 9 layers. */
const mnist = new Table(1, 28, 100)
  .conv('conv1', 20, 5)
  .pool('pool1', 2, 2)
  .conv('conv2', 50, 5)
  .pool('pool2', 2, 2)
  .dense('fc1', 500)
  .each('relu1')
  .dense('fc2', 10)
  .each('softmax')
  .argmax()

/** A hybrid acoustic model as Kaldi trains it, on 548 frames: 13 layers, 30 million weights. */
const kaldi = (() => {
  const table = new Table(440, 1, 548)
  for (let i = 1; i <= 6; i++) table.dense(`fc${i}`, 2048).each(`sig${i}`)
  return table.dense('fc7', 3500)
})()

/** Collobert et al., JMLR 2011 (SENNA): a window of words through 3 layers, on a sentence of 28. */
const senna = (inputs: number, hidden: number, tags: number) =>
  new Table(inputs, 1, 28).dense('fc1', hidden).each('htanh').dense('fc3', tags)

const tonic = 'DjiNN and Tonic (Hauswald et al., ISCA 2015)'

/** The order of the published table. */
export const networks: readonly Network[] = [
  {
    name: 'AlexNet',
    application: 'IMC',
    layers: alexnet.layers,
    inputBytes: 152_000,
    source: 'Caffe bvlc_alexnet; a picture of 152 KB (recalled from Neurosurgeon’s figure 1)',
  },
  {
    name: 'VGG',
    application: 'VGG',
    layers: vgg.layers,
    inputBytes: 4 * 3 * 224 * 224,
    source: 'configuration E; input 3 × 224 × 224 floats',
  },
  {
    name: 'DeepFace',
    application: 'FACE',
    layers: deepface.layers,
    inputBytes: 4 * 3 * 152 * 152,
    source: `DeepFace, figure 2; input 271 KB (${tonic})`,
  },
  {
    name: 'MNIST',
    application: 'DIG',
    layers: mnist.layers,
    inputBytes: 4 * 28 * 28 * 100,
    source: `Caffe lenet; 100 digits, 307 KB (${tonic})`,
  },
  {
    name: 'Kaldi',
    application: 'ASR',
    layers: kaldi.layers,
    // 548 frames, one every 10 ms, at 23.85 kbit/s.
    inputBytes: Math.round((548 * 0.01 * 23_850) / 8),
    source: `30 million weights, 548 frames (${tonic}); speech as AMR-WB carries it, assumed: features would be larger than any answer’s worth`,
  },
  ...(['POS', 'NER', 'CHK'] as const).map((application): Network => {
    const [inputs, hidden, tags] = { POS: [350, 300, 45], NER: [375, 300, 17], CHK: [375, 300, 23] }[application] as [
      number,
      number,
      number,
    ]
    return {
      name: `SENNA ${application}`,
      application,
      layers: senna(inputs, hidden, tags).layers,
      inputBytes: { POS: 38, NER: 43, CHK: 75 }[application] * 1024,
      source: `SENNA; input ${{ POS: 38, NER: 43, CHK: 75 }[application]} KB (${tonic}), its layers’ widths recalled`,
    }
  }),
]
