/*
 * MODI (Ogden and Guo, HotEdge'18): InceptionV3 on phones and on an edge server, ms. Source: paper. The variants' means
 * were computed from the phone's own measurements (cake-lab/PieSlicer, database.db, MIT).
 */
export const published = {
  /** A request to the edge over the networks they measured. */
  edge: '375 to 600',
  /** A Pixel 2 with the model loaded. */
  pixel2Loaded: 536,
  /** MobileNetV1 0.25-128, then InceptionV3 where its confidence is below 0.99. */
  cascade: { run: 443, accuracy: 0.883 },
} as const

/** Means over the 367 pictures: ms of a run, share right. */
export const figures: Readonly<Record<string, { readonly run: number; readonly accuracy: number }>> = {
  'mobilenet_0.25_128': { run: 66, accuracy: 0.766 },
  'mobilenet_0.50_224': { run: 108, accuracy: 0.875 },
  'mobilenet_1.0_224': { run: 168, accuracy: 0.883 },
  inception_v3: { run: 678, accuracy: 0.888 },
}

/** What the edge takes: a picture prepared on the phone (PieSlicer), InceptionV3 on a c5 (MDInference's zoo, ms). */
export const edge = { sentBytes: 53_982, run: 262.045 } as const
