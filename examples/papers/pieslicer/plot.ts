import type { Plot } from '../paper.ts'

/** Groups of four bars: optimal, in-cloud, on-device, ours. */
export function quantilePlot(
  title: string,
  groups: readonly { readonly name: string; readonly values: readonly number[] }[],
): Plot {
  return {
    title,
    option: {
      legend: { top: 40 },
      xAxis: { type: 'category', data: groups.map(({ name }) => name), axisLabel: { rotate: 30 } },
      yAxis: { type: 'log', name: 'ms' },
      series: ['optimal', 'in-cloud', 'on-device', 'ours'].map((name, i) => ({
        name,
        type: 'bar' as const,
        data: groups.map(({ values }) => Math.round(values[i] as number)),
      })),
    },
  }
}
