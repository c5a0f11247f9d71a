/*
 * CremeBrulee (Ogden, Gilman, Walls and Guo, "Many Models at the Edge: Scaling Deep Inference via Model-Level Caching",
 * ACSOS 2021). Source: its abstract.
 */
export const published = {
  /** By how much its mean load delay is lower than that of policies that see the workload alone, at most, in %. */
  below: 16.6,
} as const
