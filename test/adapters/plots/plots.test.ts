import { expect, test } from 'vitest'
import { htmlPage, htmlTable } from '../../../adapters/plots/index.ts'

test('nothing that is written into a table can become markup', () => {
  const table = htmlTable([['<b>head</b>'], ['"a" & <script>']])
  expect(table).not.toMatch(/<b>|<script>/)
  expect(htmlPage('<title>', '')).not.toContain('<title><title>')
})

test('a line that has missed its aim stands out, and its heads never do', () => {
  const table = htmlTable([['point'], ['holds'], ['misses']], (line) => line !== 1)
  expect(table.split('\n').map((line) => line.includes('class="missed"'))).toEqual([false, false, true])
})
