/** How every model of the zoo wants its bytes: about −2…2. The same figures stand in `architectures.py`. */
export const NORMALISATION = {
  mean: [127.5, 127.5, 127.5] as [number, number, number],
  std: [64, 64, 64] as [number, number, number],
}
