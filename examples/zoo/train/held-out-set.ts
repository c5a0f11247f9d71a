/** The held-out set: its seed is no training set's, and its pictures are of full size. */
export const HELD_OUT = { seed: 9_000_001, count: 1000 }
