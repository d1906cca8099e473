// SPDX-License-Identifier: MIT-0

// The table, seqLen x dModel: sin, cos, sin, cos, … in a row, row after row.
export function positionEncoding(seqLen, dModel, base = 10_000) {
  const table = new Float32Array(seqLen * dModel);
  for (let position = 0; position < seqLen; position++) {
    for (let column = 0; column < dModel; column++) {
      const twoI = column - (column % 2); // 0, 0, 2, 2, 4, 4, …
      const angle = position * base ** (-twoI / dModel);
      table[position * dModel + column] =
        column % 2 ? Math.cos(angle) : Math.sin(angle);
    }
  }
  return table;
}

const table = positionEncoding(3, 4);
for (let position = 0; position < 3; position++) {
  const row = table.subarray(4 * position, 4 * position + 4);
  console.log(Array.from(row, (entry) => entry.toFixed(6)).join("  "));
}
