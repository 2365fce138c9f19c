// Coordinates: where items stand once it is known which boxes are open.
// The same as _place.py, line by line; a test compares them.
"use strict";

const NODE = 0, BOX = 1, LANE = 2, ENTRY = 3, EXIT = 4;

function ports(count) {
  const step = count <= K.many ? K.port : K.narrow;
  return [step, Math.max(K.card[1], step * count + 10)];
}

class Placed {
  constructor(nodes, boxes, labels) {
    this.nodes = nodes; this.boxes = boxes; this.labels = labels;
    this.size = boxes.map(() => [0, 0]);
    this.at = boxes.map(() => []);
    this.spread = boxes.map(() => []);
    for (let b = boxes.length - 1; b >= 0; b--) this.place(b);
    this.corner = boxes.map(() => [0, 0]);
    this.node = nodes.map(() => null);
    this.visible = boxes.map((_, b) => b === 0);
    boxes.forEach((box, b) => { if (this.visible[b] && box.open) this.spreadOut(b); });
  }

  itemSize([kind, index]) {
    if (kind === NODE) return [K.card[0], ports(this.nodes[index].inputs.length)[1]];
    return kind === BOX ? this.size[index] : [0, K.lane];
  }

  place(b) {
    const box = this.boxes[b];
    if (!box.open) {
      const high = ports(box.columns[0].length)[1];
      this.size[b] = [K.card[0] + 20, Math.max(high, K.narrow * box.columns.at(-1).length + 10)];
      return;
    }
    const sizes = box.items.map(item => this.itemSize(item)), columns = box.columns;
    const x = box.items.map(() => 0);
    let left = box.parent >= 0 ? K.pad : 0;
    columns.forEach((column, k) => {
      const wide = Math.max(0, ...column.map(i => sizes[i][0]));
      for (const i of column) x[i] = left;
      this.spread[b].push(wide);
      if (column.length) left += wide;
      if (column.length && columns.slice(k + 1).some(c => c.length)) {
        left += this.labelled(box, columns[k + 1]) ? K.gap : K.bare;
      }
    });
    const y = this.heights(b, sizes);
    this.at[b] = x.map((left, i) => [left, y[i]]);
    const bottom = Math.max(0, ...y.map((at, i) => at + sizes[i][1] / 2));
    const pad = box.parent >= 0 ? K.pad : 0;
    this.size[b] = [left + pad, bottom + pad];
  }

  labelled(box, column) {
    return this.labels && column.some(i => {
      const [kind, index] = box.items[i];
      return kind === NODE ? this.nodes[index].inputs.length > 0
        : kind === BOX && !this.boxes[index].open && this.boxes[index].columns[0].length > 0;
    });
  }

  heights(b, sizes) {
    const box = this.boxes[b], y = box.items.map(() => 0);
    const left = y.map(() => []), right = y.map(() => []);
    for (const [start, end, source, tag] of box.segments) {
      if (tag) continue;
      const offset = this.port(b, end, source, sizes, false) - this.port(b, start, source, sizes, true);
      left[end].push([start, -offset]);
      right[start].push([end, offset]);
    }
    const apart = box.columns.map(column => column.map((_, k) => this.apart(box, column, k, sizes)));
    const total = a => a.reduce((sum, x) => sum + x, 0);
    const edge = Math.max(0, ...box.columns.map((c, k) => c.length
      ? total(apart[k]) / 2 + sizes[c[0]][1] / 2 + sizes[c.at(-1)][1] / 2 : 0)) + K.apart;
    box.columns.forEach((column, c) => {
      let at = -total(apart[c]) / 2;
      column.forEach((i, k) => { at += apart[c][k]; y[i] = at; });
    });
    for (let sweep = 0; sweep < K.passes; sweep++) {
      const near = sweep % 2 === 0 ? left : right;
      const order = [...box.columns.keys()];
      for (const c of sweep % 2 === 0 ? order : order.reverse()) {
        const column = box.columns[c];
        if (!column.length) continue;
        const wish = column.map(i => near[i].length
          ? near[i].reduce((sum, [j, d]) => sum + y[j] + d, 0) / near[i].length : y[i]);
        const found = settle(wish, apart[c]);
        const above = found[0] - sizes[column[0]][1] / 2 + edge;
        const below = found.at(-1) + sizes[column.at(-1)][1] / 2 - edge;
        const shift = above < 0 ? -above : below > 0 ? -below : 0;
        found.forEach((at, k) => { y[column[k]] = at + shift; });
      }
    }
    const top = y.length ? Math.min(...y.map((at, i) => at - sizes[i][1] / 2)) : 0;
    const head = box.parent >= 0 ? K.head + K.pad : 0;
    return y.map(at => at - top + head);
  }

  apart(box, column, k, sizes) {
    if (k === 0) return 0;
    const a = column[k - 1], b = column[k];
    const thin = box.items[a][0] > BOX && box.items[b][0] > BOX;
    return (sizes[a][1] + sizes[b][1]) / 2 + (thin ? 2 : K.apart);
  }

  port(b, i, source, sizes, out) {
    const [kind, index] = this.boxes[b].items[i];
    if (kind === NODE && !out) {
      const inputs = this.nodes[index].inputs, step = ports(inputs.length)[0];
      const mine = inputs.map((e, k) => e.source === source ? k : -1).filter(k => k >= 0);
      return (mine.reduce((a, k) => a + k, 0) / mine.length - (inputs.length - 1) / 2) * step;
    }
    return kind === BOX ? this.endOf(index, source, out) - sizes[i][1] / 2 : 0;
  }

  endOf(b, source, out) {
    const box = this.boxes[b], column = box.columns[out ? box.columns.length - 1 : 0];
    const k = column.findIndex(i => box.items[i][1] === source);
    if (box.open) return this.at[b][column[k]][1];
    const step = out ? K.narrow : ports(column.length)[0];
    return this.size[b][1] / 2 + (k - (column.length - 1) / 2) * step;
  }

  spreadOut(b) {
    const [left, top] = this.corner[b];
    this.boxes[b].items.forEach((item, k) => {
      const [x, y] = this.at[b][k], [w, h] = this.itemSize(item);
      if (item[0] === NODE) this.node[item[1]] = [left + x, top + y - h / 2, w, h];
      else if (item[0] === BOX) {
        this.corner[item[1]] = [left + x, top + y - h / 2];
        this.visible[item[1]] = true;
      }
    });
  }
}

function settle(wish, apart) {
  const blocks = [], shifts = [];
  let shift = 0;
  wish.forEach((w, k) => {
    shift += apart[k];
    shifts.push(shift);
    blocks.push([w - shift, 1]);
    for (let n = blocks.length; n > 1; n--) {
      const [a, b] = [blocks[n - 2], blocks[n - 1]];
      if (!(a[0] * b[1] > b[0] * a[1])) break;
      blocks.pop();
      a[0] += b[0]; a[1] += b[1];
    }
  });
  const places = blocks.flatMap(([total, count]) => Array(count).fill(total / count));
  return places.map((p, k) => p + shifts[k]);
}
