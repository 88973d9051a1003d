// Reads raw LZMA, with three bits of context for literals and none for positions. Browsers themselves have gzip, which is a
// quarter longer. A probability is that of a bit to be 0, of 2048.
const probabilities = (count) => new Uint16Array(count).fill(1024);

/** Reads single bits and numbers of some bits. The first byte says nothing. */
function rangeDecoder(input) {
  let [range, code, at] = [0xffffffff, 0, 1];
  const next = () => { code = ((code << 8) | input[at++]) >>> 0; };
  for (let i = 0; i < 4; i++) next();
  const normalise = () => { if (range < 0x1000000) { range = (range << 8) >>> 0; next(); } };
  const bit = (probs, index) => {
    const bound = (range >>> 11) * probs[index];
    const one = code >= bound;
    if (one) { range -= bound; code -= bound; probs[index] -= probs[index] >> 5; }
    else { range = bound; probs[index] += (2048 - probs[index]) >> 5; }
    normalise();
    return +one;
  };
  const even = (count) => {
    let value = 0;
    for (; count > 0; count--) {
      range >>>= 1;
      const one = code >= range;
      if (one) code -= range;
      value = 2 * value + one;
      normalise();
    }
    return value;
  };
  const tree = (probs, count, offset = 0) => {
    let node = 1;
    for (let i = 0; i < count; i++) node = 2 * node + bit(probs, offset + node);
    return node - (1 << count);
  };
  const reversed = (probs, count, offset = 0) => {
    let [node, value] = [1, 0];
    for (let i = 0; i < count; i++) {
      const one = bit(probs, offset + node);
      node = 2 * node + one;
      value |= one << i;
    }
    return value;
  };
  return { bit, even, tree, reversed };
}

function lengthDecoder({ bit, tree }) {
  const [choice, low, mid, high] = [2, 8, 8, 256].map(probabilities);
  return () => (!bit(choice, 0) ? tree(low, 3) : !bit(choice, 1) ? 8 + tree(mid, 3) : 16 + tree(high, 8));
}

function distanceDecoder({ even, tree, reversed }) {
  const [slots, special, align] = [4 * 64, 115, 16].map(probabilities);
  return (length) => {
    const slot = tree(slots, 6, 64 * Math.min(length, 3));
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 | (slot & 1)) << bits;
    return base + (slot < 14 ? reversed(special, bits, base - slot) : 16 * even(bits - 4) + reversed(align, 4));
  };
}

function literalDecoder({ bit }) {
  const probs = probabilities(8 * 0x300);
  return (before, matched) => {
    const offset = 0x300 * (before >> 5);
    let symbol = 1;
    for (let i = 7; matched !== null && i >= 0 && symbol < 0x100; i--) {
      const guess = (matched >> i) & 1;
      symbol = 2 * symbol + bit(probs, offset + 0x100 * (1 + guess) + symbol);
      if ((symbol & 1) !== guess) break;
    }
    while (symbol < 0x100) symbol = 2 * symbol + bit(probs, offset + symbol);
    return symbol;
  };
}

/** Which kind of piece comes next: null is a literal, -1 a new distance, 0 to 3 one of the last four, "byte" the last for one byte. */
function kindDecoder({ bit }) {
  const [isMatch, isRep, isRepG0, isRepG1, isRepG2, isRep0Long] = Array.from({ length: 6 }, () => probabilities(12));
  return (state) => {
    if (!bit(isMatch, state)) return null;
    if (!bit(isRep, state)) return -1;
    if (!bit(isRepG0, state)) return bit(isRep0Long, state) ? 0 : "byte";
    return bit(isRepG1, state) ? 2 + bit(isRepG2, state) : 1;
  };
}

/** So many bytes from their LZMA. */
function decompress(input, size) {
  const output = new Uint8Array(size);
  const decoder = rangeDecoder(input);
  const [kindOf, literal, distance] = [kindDecoder(decoder), literalDecoder(decoder), distanceDecoder(decoder)];
  const [newLength, oldLength] = [lengthDecoder(decoder), lengthDecoder(decoder)];
  let [state, last] = [0, [0, 0, 0, 0]];
  for (let to = 0; to < size;) {
    const kind = kindOf(state);
    if (kind === null) {
      output[to] = literal(to > 0 ? output[to - 1] : 0, state < 7 ? null : output[to - last[0] - 1]);
      to += 1;
      state -= state < 4 ? state : state < 10 ? 3 : 6;
      continue;
    }
    let length = kind === "byte" ? 1 : 2 + (kind < 0 ? newLength() : oldLength());
    if (kind < 0) last = [distance(length - 2), ...last.slice(0, 3)];
    else if (kind > 0) last.unshift(...last.splice(kind, 1));
    if (state < 7) state = kind < 0 ? 7 : kind === "byte" ? 9 : 8;
    else state = kind < 0 ? 10 : 11;
    for (; length > 0; length--, to++) output[to] = output[to - last[0] - 1];
  }
  return output;
}
