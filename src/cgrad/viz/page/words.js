// What the picture says: lines on cards, and each step in words.
"use strict";

const short = v => v === null ? "" : typeof v === "string" ? v : v[0];
const full = v => v === null ? "" : typeof v === "string" ? v : v[1];
const cut = (s, n) => s.length <= n ? s : "…" + s.slice(s.length - n + 1);
const title = i => nodes[i].name || nodes[i].op || ["operation", "leaf", "constant"][nodes[i].kind];
// Without the path of the module that it stands in.
const shortTitle = i => {
  const path = boxes[nodes[i].home].path;
  return path && title(i).startsWith(path + ".") ? title(i).slice(path.length + 1) : title(i);
};
const many = n => n === 1 ? "1 node" : `${n} nodes`;
const boxTitle = b => boxes[b].title;
const naming = id => id >= 0 ? title(id) : boxTitle(-1 - id);

// The gradients that have arrived at a node at time t, and how many are still to come.
function arrived(i, t) {
  const there = [];
  let missing = 0;
  for (const [c, j] of nodes[i].consumers) {
    const e = nodes[c].inputs[j];
    if (!e.below) continue;
    if (btime[c] <= t) there.push([c, j, e.below.slice(2)]); else missing++;
  }
  return [there, missing];
}

function gradientLine(i, t) {
  const n = nodes[i];
  if (n.kind === 2 || n.up === null) return "";
  if (i === nodes.length - 1) return t > F ? "∂ " + short(n.up) : "";
  const [there, missing] = arrived(i, t);
  if (!there.length) return "";
  const parts = there.map(p => p[2]);
  if (missing) return "∂ " + (parts.length < 3 ? parts.join(" + ") + " + …" : `sum of ${parts.length} + …`);
  if (parts.length === 1 || !n.tiny) return "∂ " + short(n.up);
  const sum = `∂ ${parts.join(" + ").replace(/\+ −/g, "− ")} = ${n.tiny}`;
  return sum.length <= 24 ? sum : `∂ ${n.tiny}, sum of ${parts.length}`;
}

function describe(id, t) {
  if (id < 0) {
    const b = -1 - id;
    return `${boxTitle(b)}, ${boxes[b].open ? "open" : "closed"} box of ${many(boxes[b].size)}`;
  }
  const n = nodes[id];
  const parts = [title(id), n.name && n.op ? n.op : "", ["", "leaf", "constant"][n.kind], n.shape];
  if (ftime[id] <= t && n.value !== null) parts.push("value " + short(n.value));
  const g = gradientLine(id, t);
  if (g) parts.push("gradient " + g.slice(2));
  return parts.filter(p => p).join(", ");
}

const valueOf = i => nodes[i].value === null ? title(i) : `${title(i)} (${short(nodes[i].value)})`;
const some = list => list.length > 5 ? [...list.slice(0, 4), `${list.length - 4} more`] : list;
const list = parts => parts.length < 2 ? parts.join("")
  : parts.slice(0, -1).join(", ") + " and " + parts[parts.length - 1];

function sayStep(scene, k) {
  const t = scene.times[k], id = scene.current[k], turn = scene.stepAt(F);
  if (id === null) {
    return F ? `Start: the leaves and constants are given. ${turn} steps forward`
      + (END > F ? ` and ${scene.times.length - 1 - turn} backward.` : ".") : "A leaf, without operations.";
  }
  const forward = t <= F, pass = forward ? `Forward ${k} of ${turn}` : `Backward ${k - turn} of ${scene.times.length - 1 - turn}`;
  if (id < 0) return `${pass}: ${boxTitle(-1 - id)}, a box of ${many(boxes[-1 - id].size)}, is passed${forward ? "" : " back"}.`;
  const n = nodes[id];
  if (forward) {
    return `${pass}: ${title(id)} takes ${list(some(n.inputs.map(e => valueOf(e.source))))} and gives ${n.value === null ? "its result" : short(n.value)}.`;
  }
  let text = `${pass}: ${title(id)} has the upstream gradient ${short(n.up) || "of its results"}.`;
  const sent = n.inputs.filter(e => e.below);
  text += " It sends " + list(some(sent.map(e => `${e.above} ${e.below} to ${title(e.source)}`))) + ".";
  for (const s of new Set(sent.map(e => e.source))) {
    const [there, missing] = arrived(s, t);
    if (there.length > 1 && !missing) text += ` All gradients of ${title(s)} are there: ${gradientLine(s, t).slice(2)}.`;
  }
  return text;
}
