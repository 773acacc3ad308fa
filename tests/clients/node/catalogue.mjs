// The catalogue of refusals, contracts/errors.yaml: its families, and whether a value is what a row promises.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { parse } from 'yaml';

const path = process.env.CONTRACTS ?? new URL('../../../contracts', import.meta.url).pathname;
const all = parse(readFileSync(`${path}/errors.yaml`, 'utf-8')).rows;
const rows = new Map(all.map((row) => [row.id, row]));

/** The families that a scenario can order, in a stream or outside of one; Azure has some of its own. */
export const families = (stream) => [
  ...new Set(all.filter((row) => !row.provider && (row.at === 'stream') === stream).map((row) => row.family)),
];

/** The row that answered, by the journal; it must be one of the family that was ordered. */
export function row(entry, family) {
  const found = rows.get(entry.answer.row);
  assert.equal(found?.family, family);
  return found;
}

/** The error object that a client can see: none where the body is empty or its error is but a text. */
export const seen = (row) => (row.wire === 'empty' || row.wire === 'string' ? null : row);

/** Does a value fill a template of the catalogue? In it {name} stands for any text; null is no value at all. */
export function fills(value, template, what) {
  if (template === null || template === undefined) return assert.equal(value ?? null, null, what);
  const pieces = template.split(/\{\w+\}/).map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return assert.match(value ?? 'nothing', new RegExp(`^${pieces.join('[^]*')}$`), what);
}
