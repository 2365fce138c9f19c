// The panel beside the picture, the hint under the pointer, and the search.
"use strict";

function html(tag, attributes, ...content) {
  const element = document.createElement(tag);
  for (const name in attributes || {}) element.setAttribute(name, attributes[name]);
  element.append(...content.filter(c => c !== null && c !== ""));
  return element;
}

function link(id) {
  const button = html("button", { type: "button", class: "link" }, naming(id));
  button.onclick = () => goTo(id);
  return button;
}

function place(i) {
  const at = nodes[i].line;
  if (at < 0) return html("p", { class: "quiet" }, DATA.recorded || nodes[i].kind ? "Not made by a recorded operation."
    : "Where it was made was not recorded: build the graph inside with cgrad.viz.record():");
  const [file, line, code] = DATA.lines[at];
  return html("div", {}, html("code", { class: "line" }, code || "(source not at hand)"),
              html("p", { class: "quiet" }, `${file}, line ${line}`));
}

function ruleOf(i) {
  const [, words, formula] = DATA.rules[nodes[i].rule];
  return [html("p", {}, words), formula ? html("p", { class: "formula" }, formula) : ""];
}

function choose(id, announce = true) {
  chosen = id;
  details(id);
  if (announce) say(describe(id, time) + ".");
}

function row(name, text) {
  return text ? html("div", { class: "row" }, html("dt", {}, name), html("dd", {}, text)) : "";
}

function details(id) {
  const panel = $("details"), n = nodes[id];
  if (id < 0) return boxDetails(-1 - id);
  const kind = ["operation", "leaf", "constant"][n.kind];
  const path = [];
  for (let b = n.home; b > 0; b = boxes[b].parent) path.unshift(boxTitle(b));
  // As on the cards, nothing is told before its time.
  const there = gradientLine(id, time) && (id === nodes.length - 1 || !arrived(id, time)[1]);
  const parts = [
    html("h2", {}, title(id), " ", html("span", { class: "kind" }, n.name && n.op ? `${n.op}, ${kind}` : kind)),
    path.length ? html("p", { class: "quiet" }, path.join(" › ")) : "",
    html("dl", {},
      row("Shape", n.shape),
      row("Value", ftime[id] > time ? "not computed yet" : n.value === null ? "not kept: no derivative reads it" : full(n.value)),
      row("Gradient", n.up === null ? "" : there ? full(n.up) : "not there yet")),
    html("h3", {}, n.kind ? "What it is" : "Its derivative"), ...ruleOf(id),
  ];
  if (n.kind === 0 && n.inputs.length) {
    parts.push(html("h3", {}, "Inputs: upstream × local = downstream"));
    const list = html("ol", { class: "edges", start: 0 });
    n.inputs.slice(0, 60).forEach(e => {
      const item = html("li", {}, link(e.source));
      if (e.number) item.append(` (result ${e.number})`);
      if (e.below && btime[id] > time) item.append(html("div", { class: "quiet" }, "gradient not sent yet"));
      else if (e.below) {
        item.append(html("div", { class: "equation" }, `${e.above} ${e.below}`));
        if (e.local) item.append(html("div", { class: "quiet" }, "local: " + e.local));
        if (e.down && e.down !== e.below.slice(2)) item.append(html("div", { class: "quiet" }, "downstream: " + e.down));
      } else item.append(html("div", { class: "quiet" }, nodes[e.source].kind === 2 ? "constant, no gradient" : "no gradient"));
      list.append(item);
    });
    if (n.inputs.length > 60) list.append(html("li", {}, `and ${n.inputs.length - 60} more`));
    parts.push(list);
  }
  if (n.consumers.length) {
    parts.push(html("h3", {}, n.consumers.length > 1 ? "Used by: their gradients are summed" : "Used by"));
    const list = html("ul", { class: "edges" });
    for (const [c, j] of n.consumers.slice(0, 30)) {
      const e = nodes[c].inputs[j];
      list.append(html("li", {}, link(c), e.below && btime[c] <= time ? html("span", { class: "equation" }, " sends " + e.below.slice(2)) : ""));
    }
    if (n.consumers.length > 30) list.append(html("li", {}, `and ${n.consumers.length - 30} more`));
    parts.push(list);
    if (n.consumers.length > 1 && n.up !== null && there) parts.push(html("p", { class: "equation" }, "sum: " + short(n.up)));
  }
  parts.push(html("h3", {}, "Made at"), place(id));
  panel.replaceChildren(...parts.filter(p => p !== ""));
}

function boxDetails(b) {
  const fold = html("button", { type: "button" }, boxes[b].open ? "Fold" : "Unfold");
  fold.onclick = () => toggle(-1 - b);
  const path = [];
  for (let p = boxes[b].parent; p > 0; p = boxes[p].parent) path.unshift(boxTitle(p));
  const children = boxes[b].items.filter(([kind]) => kind <= BOX);
  $("details").replaceChildren(
    html("h2", {}, boxTitle(b), " ", html("span", { class: "kind" }, `box of ${many(boxes[b].size)}`)),
    html("p", { class: "quiet" }, path.join(" › ")), html("p", {}, fold),
    html("h3", {}, "Takes"), links(boxes[b].columns[0].map(i => boxes[b].items[i][1])),
    html("h3", {}, "Gives"), links(boxes[b].columns.at(-1).map(i => boxes[b].items[i][1])),
    html("h3", {}, "Holds"), links(children.map(([kind, i]) => kind === NODE ? i : -1 - i)));
}

function links(ids) {
  const more = ids.length > 60 ? [html("li", {}, `and ${ids.length - 60} more`)] : [];
  return html("ul", { class: "edges" }, ...ids.slice(0, 60).map(id => html("li", {}, link(id))), ...more);
}

// --- the hint

function tip(id, x, y) {
  const box = $("tip");
  if (id < 0) box.replaceChildren(html("strong", {}, boxTitle(-1 - id)), html("p", {}, `${many(boxes[-1 - id].size)}; click to ${boxes[-1 - id].open ? "fold" : "unfold"}`));
  else box.replaceChildren(html("strong", {}, title(id)), ...ruleOf(id).filter(p => p !== ""), nodes[id].kind ? "" : place(id));
  box.hidden = false;
  const w = box.offsetWidth, h = box.offsetHeight;
  box.style.left = Math.max(4, Math.min(window.innerWidth - w - 8, x + 14)) + "px";
  box.style.top = (y + 18 + h > window.innerHeight ? Math.max(4, y - h - 12) : y + 18) + "px";
}

function hideTip() { $("tip").hidden = true; }

// --- finding

$("find").oninput = () => {
  const text = $("find").value.trim().toLowerCase(), found = [];
  if (text) {
    boxes.forEach((box, b) => { if (b && box.title.toLowerCase().includes(text)) found.push(-1 - b); });
    nodes.forEach((n, i) => { if (`${n.name} ${n.op}`.toLowerCase().includes(text)) found.push(i); });
  }
  const list = $("found");
  list.replaceChildren(...found.slice(0, 40).map(id => html("li", {}, link(id), id >= 0 ? ` ${nodes[id].shape}` : " box")));
  $("hits").textContent = text ? `${found.length} found` : "";
};
$("find").onkeydown = event => {
  const first = $("found").querySelector("button");
  if (event.key === "Enter" && first) first.click();
};
