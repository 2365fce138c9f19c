// Drawing what lies in the window: SVG elements near by, a canvas when very much is to be seen.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const NEAR = 600;                         // items up to which elements are made
const canvas = document.getElementById("far"), svg = document.getElementById("near");
const world = document.getElementById("world");
const layers = Object.fromEntries(["boxes", "wires", "nodes", "labels"].map(
  name => [name, document.getElementById(name)]));
const quiet = window.matchMedia("(prefers-reduced-motion: reduce)");

function make(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== undefined) element.textContent = text;
  return element;
}

class View {
  constructor() {
    this.x = this.y = 0; this.scale = 1;  // of the upper left corner
    this.shown = new Map();               // key -> element
    this.far = false;
  }

  get width() { return svg.clientWidth; }
  get height() { return svg.clientHeight; }

  fit(scene, least = 0.02) {
    const [w, h] = scene.size, pad = 30;
    this.scale = Math.max(least, Math.min(1.4, (this.width - 2 * pad) / w, (this.height - 2 * pad) / h));
    this.x = w * this.scale < this.width ? (w - this.width / this.scale) / 2 : -pad / this.scale;
    this.y = (h - this.height / this.scale) / 2;
  }

  zoom(factor, px = this.width / 2, py = this.height / 2) {
    const next = Math.max(0.02, Math.min(3, this.scale * factor));
    this.x += px / this.scale - px / next;
    this.y += py / this.scale - py / next;
    this.scale = next;
  }

  // Move the window, if need be, so that a rectangle lies in it; true if it moved.
  reveal([x, y, w, h], readable) {
    const pad = 40, before = [this.x, this.y, this.scale].join();
    if (readable && this.scale < 0.6) this.scale = 0.9;
    const W = this.width / this.scale, H = this.height / this.scale;
    if (x < this.x || x + w > this.x + W) this.x = w + 2 * pad < W ? x + w / 2 - W / 2 : x - pad;
    if (y < this.y || y + h > this.y + H) this.y = h + 2 * pad < H ? y + h / 2 - H / 2 : y - pad;
    this.clamp();
    return before !== [this.x, this.y, this.scale].join();
  }

  // Keep the graph in the window: centred if it is smaller, else no further out than its border.
  clamp() {
    const pad = 30 / this.scale, [w, h] = scene.size;
    const W = this.width / this.scale, H = this.height / this.scale;
    this.x = w + 2 * pad < W ? (w - W) / 2 : Math.max(-pad, Math.min(w + pad - W, this.x));
    this.y = h + 2 * pad < H ? (h - H) / 2 : Math.max(-pad, Math.min(h + pad - H, this.y));
  }

  window(margin) {
    return [this.x - margin, this.y - margin, this.x + this.width / this.scale + margin,
            this.y + this.height / this.scale + margin];
  }

  draw(scene, t, focus, rest) {
    const [x0, y0, x1, y1] = this.window(60);
    const meets = ([x, y, w, h]) => x < x1 && y < y1 && x + w > x0 && y + h > y0;
    const items = scene.items.filter(item => meets(item.rect));
    const pieces = scene.pieces.filter(({ bounds: [a, b, c, d] }) => a < x1 && b < y1 && c > x0 && d > y0);
    const far = this.far;
    this.far = items.length + pieces.length > 3 * NEAR || this.scale < 0.12;
    const step = scene.stepAt(t), now = !rest && scene.times[step] === t ? scene.current[step] : null;
    const hot = new Set();
    if (now !== null && scene.ways.has(now)) {
      for (const [source, way] of scene.ways.get(now)) {
        if (t <= F || nodes[source].kind < 2) way.forEach(piece => hot.add(piece));
      }
    }
    const keep = new Set();
    // From afar there are no elements to have the focus: the picture as a whole has it.
    if (far !== this.far) svg.setAttribute("tabindex", this.far ? 0 : -1);
    if (this.far) this.paint(items, pieces, t, now, hot);
    else {
      canvas.width = canvas.height = 1;
      for (const piece of pieces) this.wire(piece, t, hot, keep);
      for (const { id, rect } of items) {
        if (id < 0 && boxes[-1 - id].open) this.box(id, rect, t, now, keep);
        else this.card(id, rect, t, now, keep);
        if (id >= 0) this.labels(id, rect, t, now, keep);
        else if (!boxes[-1 - id].open) this.into(id, rect, t, keep);
      }
    }
    for (const [key, element] of this.shown) {
      if (!keep.has(key)) { element.remove(); this.shown.delete(key); }
    }
    for (const [key, element] of this.shown) {
      if (typeof key === "number") element.setAttribute("tabindex", key === focus ? 0 : -1);
    }
    world.setAttribute("transform", `scale(${this.scale}) translate(${-this.x} ${-this.y})`);
  }

  element(key, layer, keep, build) {
    keep.add(key);
    let element = this.shown.get(key);
    if (!element) {
      element = build();
      layers[layer].append(element);
      this.shown.set(key, element);
    }
    return element;
  }

  clear() {
    for (const element of this.shown.values()) element.remove();
    this.shown.clear();
  }

  wire(piece, t, hot, keep) {
    const state = ["wire", ftime[piece.source] <= t ? "done" : "", piece.last <= t ? "back" : "",
                   nodes[piece.source].kind === 2 ? "constant" : "",
                   hot.has(piece) ? (t <= F ? "now" : "now backward") : ""].join(" ");
    const element = this.element(piece, "wires", keep, () => {
      const g = make("g", {});
      if (piece.tag) {
        for (const [x, y] of piece.to) {
          g.append(make("path", { d: `M${x - 20} ${y}H${x}`, "marker-end": "url(#into)" }));
          g.append(make("text", { x: x - 24, y: y + 4, "text-anchor": "end", class: "tag" },
                        "from " + cut(title(piece.source), 14)));
        }
      } else {
        for (const d of piece.paths) {
          const path = make("path", { d });
          if (piece.arrow) path.setAttribute("marker-end", "url(#into)");
          g.append(path);
        }
        if (piece.first) {
          const [x, y] = piece.from;
          g.append(make("path", { d: `M${x + 1} ${y}l9 -5v10z`, class: "home" }));
        }
      }
      return g;
    });
    element.setAttribute("class", state);
  }

  state(id, t, now) {
    const b = -1 - id, isBox = id < 0;
    const mine = isBox ? inside[b] : null;
    const ahead = isBox ? mine.length && ftime[mine[mine.length - 1]] > t : ftime[id] > t;
    const behind = isBox ? mine.length && mine.every(i => btime[i] <= t) : btime[id] <= t;
    return (ahead ? " ahead" : "") + (behind ? " behind" : "") + (now === id ? " now" : "");
  }

  card(id, [x, y, w, h], t, now, keep) {
    const kind = id < 0 ? "closed" : ["operation", "leaf", "constant"][nodes[id].kind];
    const element = this.element(id, "nodes", keep, () => {
      const g = make("g", { transform: `translate(${x} ${y})`, role: "button", "data-id": id });
      if (id < 0) g.append(make("rect", { x: 5, y: 5, width: w, height: h, rx: 8, class: "shadow" }));
      g.append(make("rect", { width: w, height: h, rx: kind === "leaf" ? 22 : 8, class: "paper" }));
      if (kind === "operation") g.append(make("path", { d: `M4 10V${h - 10}`, class: "spine" }));
      const left = kind === "leaf" ? 18 : 14, middle = h / 2;
      const line = (k, name, text) => g.append(make("text", { x: left, y: middle - 24 + 19 * k, class: name }, text));
      if (id < 0) {
        const b = -1 - id;
        line(0, "name", cut(boxTitle(b), 26));
        line(1, "small", `folded, ${many(boxes[b].size)}`);
        line(2, "more", "▸ unfold");
      } else {
        const n = nodes[id], rule = DATA.rules[n.rule];
        const sign = n.kind === 0 && rule[0] && rule[0] !== n.op ? rule[0] : "";
        const head = make("text", { x: left, y: middle - 24, class: "name" });
        if (sign) head.append(make("tspan", { class: "sign" }, sign + "  "));
        head.append(make("tspan", {}, cut(shortTitle(id), 21 - sign.length)));
        if (n.name && n.op) head.append(make("tspan", { class: "small" }, "  " + cut(n.op, 12)));
        g.append(head);
        line(1, "small", cut(n.shape, 28));
        line(2, "value", "");
        line(3, "gradient", "");
      }
      return g;
    });
    element.setAttribute("class", `item ${kind}${this.state(id, t, now)}`);
    element.setAttribute("aria-label", describe(id, t) + (now === id ? ", current step" : ""));
    if (id >= 0) {
      element.querySelector(".value").textContent = ftime[id] > t ? "" : nodes[id].value === null ? "value not kept" : "= " + short(nodes[id].value);
      element.querySelector(".gradient").textContent = gradientLine(id, t);
    }
  }

  box(id, [x, y, w, h], t, now, keep) {
    const b = -1 - id;
    const element = this.element(id, "boxes", keep, () => {
      const g = make("g", { transform: `translate(${x} ${y})`, role: "button", "data-id": id });
      g.append(make("rect", { width: w, height: h, rx: 10, class: "frame" }));
      g.append(make("rect", { x: 1, y: 1, width: Math.min(w - 2, 38 + 8.4 * boxTitle(b).length), height: K.head, rx: 9, class: "handle" }));
      g.append(make("text", { x: 14, y: 20, class: "name" }, "▾ " + boxTitle(b)));
      return g;
    });
    element.setAttribute("class", "item open" + this.state(id, t, now));
    element.setAttribute("aria-label", describe(id, t));
  }

  labels(id, [x, y, w, h], t, now, keep) {
    const inputs = nodes[id].inputs;
    if (btime[id] > t || inputs.length > K.many) return;
    const element = this.element("e" + id, "labels", keep, () => {
      const g = make("g", {}), step = ports(inputs.length)[0];
      inputs.forEach((e, k) => {
        if (!e.below) return;
        const at = y + h / 2 + (k - (inputs.length - 1) / 2) * step;
        g.append(make("text", { x: x - 12, y: at - 6, "text-anchor": "end" }, e.above));
        g.append(make("text", { x: x - 12, y: at + 15, "text-anchor": "end", class: "down" }, e.below));
      });
      return g;
    });
    element.setAttribute("class", "equation" + (now === id ? " now" : ""));
  }

  // What a folded box has sent back along each wire into it.
  into(id, [x, y], t, keep) {
    const b = -1 - id, entries = boxes[b].columns[0];
    if (entries.length > K.many) return;
    const said = entries.map(i => {
      const edges = into[b].get(boxes[b].items[i][1]) || [];
      if (!edges.length || edges.some(([c, j]) => btime[c] > t || !nodes[c].inputs[j].below)) return "";
      return edges.length === 1 ? nodes[edges[0][0]].inputs[edges[0][1]].below : `sum of ${edges.length}`;
    });
    const element = this.element("b" + id, "labels", keep, () => {
      const g = make("g", { class: "equation" });
      for (const i of entries) {
        const at = y + scene.placed.endOf(b, boxes[b].items[i][1], false);
        g.append(make("text", { x: x - 12, y: at + 15, "text-anchor": "end", class: "down" }));
      }
      return g;
    });
    said.forEach((text, k) => { element.children[k].textContent = text; });
  }

  // The same from afar, without words.
  paint(items, pieces, t, now, hot) {
    const ratio = window.devicePixelRatio || 1, c = canvas.getContext("2d");
    canvas.width = this.width * ratio;
    canvas.height = this.height * ratio;
    c.setTransform(ratio * this.scale, 0, 0, ratio * this.scale, -ratio * this.scale * this.x, -ratio * this.scale * this.y);
    const style = getComputedStyle(document.documentElement);
    const color = name => style.getPropertyValue(name).trim();
    const thin = 1 / this.scale;
    const stroke = (list, ink, width) => {
      c.strokeStyle = ink; c.lineWidth = width;
      c.beginPath();
      for (const piece of list) {
        for (const [x, y] of piece.tag ? [] : piece.to) {
          c.moveTo(...piece.begin); c.lineTo(...piece.from); c.lineTo(x, y);
        }
      }
      c.stroke();
    };
    stroke(pieces.filter(p => p.last > t), color("--line"), thin);
    stroke(pieces.filter(p => p.last <= t), color("--back"), thin);
    for (const { id, rect: [x, y, w, h] } of items) {
      const state = this.state(id, t, now), open = id < 0 && boxes[-1 - id].open;
      c.fillStyle = color(state.includes("now") ? "--mark" : state.includes("behind") ? "--back"
        : state.includes("ahead") ? "--faint" : "--fore");
      if (open) { c.strokeStyle = color("--line"); c.lineWidth = 2 * thin; c.strokeRect(x, y, w, h); }
      else c.fillRect(x, y, w, h);
    }
    stroke([...hot], color("--mark"), 4 * thin);
  }
}
