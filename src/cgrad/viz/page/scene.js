// What is to be seen: visible nodes, boxes and pieces of wires, and the steps of both passes.
"use strict";

// Steps.  Leaves and constants are there from the start.  At time t the first t steps are done:
// first the operations forward, then backward in the order of the sweep.
const ops = nodes.map((n, i) => i).filter(i => nodes[i].kind === 0);
const back = DATA.backward.filter(i => nodes[i].kind === 0);
const F = ops.length, END = F + back.length;
const ftime = nodes.map(() => 0), btime = nodes.map(() => Infinity);
ops.forEach((i, k) => { ftime[i] = k + 1; });
back.forEach((i, k) => { btime[i] = F + k + 1; });
const itemOf = new Map();                 // node n: itemOf.get(n); box b: itemOf.get(-1 - b)
boxes.forEach((box, b) => box.items.forEach(([kind, index], k) => {
  if (kind <= BOX) itemOf.set(kind === NODE ? index : -1 - index, k);
}));
const incoming = boxes.map(box => {       // (item, source) -> its piece of the wire
  const map = new Map();
  box.segments.forEach((s, k) => map.set(s[1] + "/" + s[2], k));
  return map;
});
const inside = boxes.map(() => []);       // operations in a box, at any depth
for (const i of ops) for (let b = nodes[i].home; b >= 0; b = boxes[b].parent) inside[b].push(i);

const into = boxes.map(() => new Map());  // a wire's source -> its edges to nodes in the box
nodes.forEach((n, i) => n.inputs.forEach((e, j) => {
  const around = new Set();
  for (let b = nodes[e.source].home; b >= 0; b = boxes[b].parent) around.add(b);
  for (let b = n.home; !around.has(b); b = boxes[b].parent) {
    if (!into[b].has(e.source)) into[b].set(e.source, []);
    into[b].get(e.source).push([i, j]);
  }
}));

class Scene {
  constructor() {
    this.placed = new Placed(nodes, boxes, DATA.backward.length > 0);
    const P = this.placed;
    this.size = P.size[0];
    this.items = [];                      // {id, rect}: id is a node, or -1 - box
    this.rect = new Map();
    nodes.forEach((n, i) => { if (P.node[i]) this.add(i, P.node[i]); });
    boxes.forEach((box, b) => {
      if (b && P.visible[b]) this.add(-1 - b, [...P.corner[b], ...P.size[b]]);
    });
    this.wires();
    this.steps();
  }

  add(id, rect) {
    this.items.push({ id, rect });
    this.rect.set(id, rect);
  }

  // The visible item that stands for a node: itself or the outermost closed box around it.
  stands(i) {
    let found = i;
    for (let b = nodes[i].home; b > 0; b = boxes[b].parent) if (!boxes[b].open) found = -1 - b;
    return found;
  }

  wires() {
    const P = this.placed;
    this.pieces = [];
    const index = boxes.map(() => []);
    boxes.forEach((box, b) => {
      if (!P.visible[b] || !box.open) return;
      const column = [];
      box.columns.forEach((c, k) => c.forEach(i => { column[i] = k; }));
      box.segments.forEach(([from, to, source, tag], k) => {
        const piece = { source, tag, ...this.route(b, from, to, source, column), last: Infinity };
        index[b][k] = piece;
        this.pieces.push(piece);
      });
    });
    // The way of each visible edge, back from the consumer.
    this.ways = new Map();                // id of the consumer -> Map(source -> pieces)
    const walk = (id, source, when) => {
      let b = id >= 0 ? nodes[id].home : boxes[-1 - id].parent, item = itemOf.get(id);
      const way = [];
      for (;;) {
        const k = incoming[b].get(item + "/" + source);
        if (k === undefined) break;
        const piece = index[b][k];
        piece.last = Math.min(piece.last, when);
        way.push(piece);
        if (piece.tag) break;
        item = boxes[b].segments[k][0];
        const [kind, at] = boxes[b].items[item];
        if (kind === ENTRY) { item = itemOf.get(-1 - b); b = boxes[b].parent; }
        else if (kind === BOX && boxes[at].open) {
          b = at;
          item = boxes[at].items.findIndex(([kind, s]) => kind === EXIT && s === source);
        } else if (kind !== LANE) break;
      }
      if (!this.ways.has(id)) this.ways.set(id, new Map());
      this.ways.get(id).set(source, way);
    };
    for (const { id } of this.items) {
      if (id >= 0) {
        for (const e of nodes[id].inputs) walk(id, e.source, e.below ? btime[id] : Infinity);
      } else if (!boxes[-1 - id].open) {
        const last = Math.max(...inside[-1 - id].map(i => btime[i]), 0);
        for (const [kind, s] of boxes[-1 - id].items) {
          if (kind === ENTRY) walk(id, s, nodes[s].kind < 2 && last ? last : Infinity);
        }
      }
    }
  }

  route(b, from, to, source, column) {
    const P = this.placed, box = boxes[b], [left, top] = P.corner[b];
    const point = i => [left + P.at[b][i][0], top + P.at[b][i][1]];
    let d = "", start, ends;
    const [fk, fi] = box.items[from], [tk, ti] = box.items[to];
    if (fk === NODE) start = [point(from)[0] + P.itemSize(box.items[from])[0], point(from)[1]];
    else if (fk === BOX) start = [P.corner[fi][0] + P.size[fi][0],
                                  P.corner[fi][1] + P.endOf(fi, source, true)];
    else if (fk === LANE) start = [point(from)[0] + P.spread[b][column[from]], point(from)[1]];
    else start = [left, point(from)[1]];
    if (tk === NODE) {
      const inputs = nodes[ti].inputs, step = ports(inputs.length)[0], [x, y] = point(to);
      ends = [];
      inputs.forEach((e, k) => {
        if (e.source === source) ends.push([x, y + (k - (inputs.length - 1) / 2) * step]);
      });
    } else if (tk === BOX) ends = [[P.corner[ti][0], P.corner[ti][1] + P.endOf(ti, source, false)]];
    else if (tk === LANE) ends = [point(to)];
    else ends = [[left + P.size[b][0], point(to)[1]]];
    const [x1, y1] = start, begin = fk === LANE ? point(from) : start;
    let box4 = [begin[0], begin[1], begin[0], begin[1]];
    const paths = ends.map(([x2, y2]) => {
      const bend = x2 - x1 > K.label + 30 ? x2 - K.label : x2, half = (bend - x1) / 2;
      box4 = [Math.min(box4[0], x2), Math.min(box4[1], y2), Math.max(box4[2], x2), Math.max(box4[3], y2)];
      d = `M${begin[0]} ${begin[1]}H${x1}C${x1 + half} ${y1} ${bend - half} ${y2} ${bend} ${y2}H${x2}`;
      return d;
    });
    return { paths, begin, from: start, to: ends, bounds: box4, arrow: tk === NODE || (tk === BOX && !boxes[ti].open),
             first: fk === NODE || (fk === BOX && !boxes[fi].open) };
  }

  // One step for each visible item that is passed: a closed box is passed at once.
  steps() {
    this.times = [0];
    this.current = [null];                // the item of the step that ends at times[k]
    const run = (list, offset) => list.forEach((i, k) => {
      const id = this.stands(i), n = this.times.length - 1;
      if (this.current[n] === id && n > 0 && this.times[n] !== F) this.times[n] = offset + k + 1;
      else { this.times.push(offset + k + 1); this.current.push(id); }
    });
    run(ops, 0);
    run(back, F);
  }

  stepAt(t) {                             // index of the step that t stands after
    let low = 0, high = this.times.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.times[middle] <= t) low = middle; else high = middle - 1;
    }
    return low;
  }
}
