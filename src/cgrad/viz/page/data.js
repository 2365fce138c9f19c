// The data of the graph, unpacked.
"use strict";

const $ = id => document.getElementById(id);
const DATA = JSON.parse(document.getElementById("data").textContent);
const K = DATA.sizes, boxes = DATA.boxes;
const nodes = DATA.nodes.map(([kind, op, name, rule, shape, value, up, tiny, line, home, inputs]) => ({
  kind, op, name, rule, shape: DATA.shapes[shape], value, up, tiny, line, home, consumers: [],
  inputs: inputs.map(([source, number, above, below, local, down]) => ({
    source, number, above: above || "", below: below || "", local: local || "", down: down || "",
  })),
}));
nodes.forEach((n, i) => n.inputs.forEach((e, j) => nodes[e.source].consumers.push([i, j])));
