/** What a layer's label is made from. */
export interface Unlabelled {
  readonly name: string
  readonly kind: string
  /** Name of the weights the layer reads, where it has any. */
  readonly weights: string | undefined
}

// The words of the literature for layers without weights of their own.
const words: Readonly<Record<string, string>> = {
  Relu: 'relu',
  Clip: 'relu',
  LeakyRelu: 'relu',
  LRN: 'norm',
  MaxPool: 'pool',
  AveragePool: 'pool',
  GlobalAveragePool: 'pool',
  Dropout: 'drop',
  Concat: 'concat',
}

// `conv2_1_w_0`, `fc.6.weight`, `block/conv1/kernel:0` → what stands before the word for "weights".
const suffix = /[._/](w|W|weights?|kernel|w_\d+|weight_quantized)(:0)?$/

/**
 * Labels as the literature writes them (`conv1 relu1 norm1 pool1 … fc6 relu6 drop6`), one per layer, unique: a layer
 * with weights is called after them, one without after its kind and the number of the last that had some.
 */
export function labelled(layers: readonly Unlabelled[]): string[] {
  const taken = new Set<string>()
  let last = ''
  return layers.map((layer) => {
    const stem =
      layer.weights !== undefined && suffix.test(layer.weights) ? layer.weights.replace(suffix, '') : undefined
    let label = stem ?? layer.name
    const word = words[layer.kind]
    if (stem !== undefined) last = /(\d+(?:_\d+)?)$/.exec(stem)?.[1] ?? ''
    else if (word !== undefined && last !== '') label = `${word}${word === 'pool' ? last.replace(/_.*/, '') : last}`
    if (taken.has(label)) label = layer.name
    taken.add(label)
    return label
  })
}
