// A NumPy .npz file: a zip archive, stored without compression, of .npy files.
(() => {
  "use strict";
  const table = Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });

  function crc32(bytes) {
    let value = 0xffffffff;
    for (const byte of bytes) value = table[(value ^ byte) & 255] ^ (value >>> 8);
    return (value ^ 0xffffffff) >>> 0;
  }

  function npy(descr, shape, data) {
    const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
    let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
    header += " ".repeat(63 - ((10 + header.length) % 64)) + "\n";
    const out = new Uint8Array(10 + header.length + data.byteLength);
    out.set([0x93, 78, 85, 77, 80, 89, 1, 0, header.length & 255, header.length >> 8]);
    out.set(new TextEncoder().encode(header), 10);
    out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + header.length);
    return out;
  }

  function words(list) {
    const width = Math.max(1, ...list.map((word) => [...word].length));
    const data = new Uint32Array(width * list.length);
    list.forEach((word, row) => [...word].forEach((letter, at) => (data[row * width + at] = letter.codePointAt(0))));
    return npy(`<U${width}`, [list.length], data);
  }

  function record(signature, fields) {
    const size = fields.reduce((sum, [bytes]) => sum + bytes, 4);
    const view = new DataView(new ArrayBuffer(size));
    view.setUint32(0, signature, true);
    let at = 4;
    for (const [bytes, value] of fields) {
      bytes === 2 ? view.setUint16(at, value, true) : view.setUint32(at, value, true);
      at += bytes;
    }
    return new Uint8Array(view.buffer);
  }

  function zip(files) {
    const parts = [], directory = [];
    let offset = 0, length = 0;
    for (const [name, bytes] of Object.entries(files)) {
      const title = new TextEncoder().encode(`${name}.npy`);
      const shared = [[2, 20], [2, 0], [2, 0], [2, 0], [2, 0x21], [4, crc32(bytes)], [4, bytes.length], [4, bytes.length], [2, title.length], [2, 0]];
      const local = record(0x04034b50, shared);
      const central = record(0x02014b50, [[2, 20], ...shared, [2, 0], [2, 0], [2, 0], [4, 0], [4, offset]]);
      parts.push(local, title, bytes);
      directory.push(central, title);
      offset += local.length + title.length + bytes.length;
      length += central.length + title.length;
    }
    const count = directory.length / 2;
    const end = record(0x06054b50, [[2, 0], [2, 0], [2, count], [2, count], [4, length], [4, offset], [2, 0]]);
    return new Blob([...parts, ...directory, end], { type: "application/zip" });
  }

  globalThis.cka = Object.assign(globalThis.cka || {}, {
    npz: (rows, columns, values) =>
      zip({ values: npy("<f8", [rows.length, columns.length], Float64Array.from(values)), rows: words(rows), columns: words(columns) }),
  });
})();
