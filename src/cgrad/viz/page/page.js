// The controls: steps, folding, moving, finding, details, theme.
"use strict";

const view = new View();
let scene = new Scene(), time = END, rest = true, focus = null, playing = 0, chosen = null, waiting = 0;

function draw() {
  waiting = 0;
  view.draw(scene, time, focus, rest);
}

function redraw() {
  if (!waiting) waiting = requestAnimationFrame(draw);
}

// --- steps

function show(t, say = true) {
  rest = rest && !say;                    // nothing is played yet: no step is marked
  time = Math.max(0, Math.min(END, t));
  const k = scene.stepAt(time), last = scene.times.length - 1, turn = scene.stepAt(F);
  const range = $("where");
  range.max = last;
  range.value = k;
  const text = sayStep(scene, k);
  range.setAttribute("aria-valuetext", text);
  $("count").textContent = rest ? "everything" : k === 0 ? "start" : k <= turn ? `forward ${k} / ${turn}` : `backward ${k - turn} / ${last - turn}`;
  $("first").disabled = $("previous").disabled = k === 0;
  $("last").disabled = k === last;
  if (say) $("caption").textContent = text;
  const id = scene.current[k];
  if (say && id !== null && view.reveal(scene.rect.get(id), true)) redraw();
  if (say && id !== null) chosen = id;
  if (chosen !== null) details(chosen);
  redraw();
}

function step(by) {
  const k = scene.stepAt(time), exact = scene.times[k] === time, last = scene.times.length - 1;
  if (by > 0 && k === last) show(0);
  else show(scene.times[Math.max(0, Math.min(last, k + (by < 0 && !exact ? 0 : by)))]);
}

function play(on = !playing) {
  clearInterval(playing);
  playing = 0;
  if (on && scene.times.length > 1) {
    if (time === END) show(0);
    const pause = Math.max(150, Math.min(1200, 40000 / scene.times.length));
    playing = setInterval(() => { step(1); if (time === END) play(false); }, pause);
  }
  $("play").textContent = playing ? "❚❚ Pause" : "▶ Play";
}

// --- boxes

function refold(change) {
  const held = focus;
  change();
  scene = new Scene();
  view.clear();
  if (held !== null && !scene.rect.has(held)) focus = held >= 0 ? scene.stands(held) : outermost(held);
  show(time, false);
}

function outermost(id) {
  let found = id;
  for (let b = boxes[-1 - id].parent; b > 0; b = boxes[b].parent) if (!boxes[b].open) found = -1 - b;
  return found;
}

function toggle(id) {
  const b = -1 - id, before = scene.rect.get(id);
  refold(() => { boxes[b].open = !boxes[b].open; });
  // What was clicked stays where it was.
  const after = scene.rect.get(id);
  view.x += after[0] - before[0];
  view.y += after[1] - before[1];
  chosen = id;
  details(id);
  draw();
  say(`${boxTitle(b)} ${boxes[b].open ? "unfolded" : "folded"}`);
  moveFocus(id);
}

function say(text) { $("caption").textContent = text; }

// Open all boxes around an item and go there.
function goTo(id) {
  let b = id >= 0 ? nodes[id].home : boxes[-1 - id].parent;
  if (!scene.rect.has(id)) refold(() => { for (; b > 0; b = boxes[b].parent) boxes[b].open = true; });
  view.reveal(scene.rect.get(id), true);
  choose(id);
  moveFocus(id);
}

// --- focus: one stop of the Tab key, arrows up and down within

function moveFocus(id) {
  focus = id;
  view.reveal(scene.rect.get(id), true);
  draw();
  const element = view.shown.get(id);
  if (element) element.focus({ preventScroll: true });
}

function neighbour(by) {
  const order = scene.items.map(i => i.id);
  const k = order.indexOf(focus);
  moveFocus(order[Math.max(0, Math.min(order.length - 1, k + by))]);
}

document.addEventListener("keydown", event => {
  const target = event.target, item = target.closest && target.closest(".item");
  if (event.ctrlKey || event.altKey || event.metaKey || target.matches("input")) return;
  const key = event.key;
  if (key === "ArrowRight") step(1);
  else if (key === "ArrowLeft") step(-1);
  else if (key === "Home") show(0);
  else if (key === "End") show(END);
  else if (target === svg && ["ArrowDown", "ArrowUp", "Enter"].includes(key)) moveFocus(focus);
  else if (item && key === "ArrowDown") neighbour(1);
  else if (item && key === "ArrowUp") neighbour(-1);
  else if (item && (key === "Enter" || key === " ")) activate(+item.dataset.id);
  else if (key === " " && !target.matches("button, a, summary")) play();
  else if (key === "Escape") hideTip();
  else return;
  event.preventDefault();
});

function activate(id) {
  focus = id;
  if (id < 0) toggle(id);
  else choose(id);
}

// --- the mouse: drag to move, wheel to zoom

let drag = null;
svg.addEventListener("pointerdown", event => {
  if (event.button === 0) drag = { x: event.clientX, y: event.clientY, moved: false };
});
window.addEventListener("pointermove", event => {
  if (!drag) return;
  const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
  if (!drag.moved && Math.hypot(dx, dy) < 4) return;
  drag = { x: event.clientX, y: event.clientY, moved: true };
  view.x -= dx / view.scale;
  view.y -= dy / view.scale;
  hideTip();
  redraw();
});
window.addEventListener("pointerup", () => setTimeout(() => { drag = null; }));
svg.addEventListener("click", event => {
  const item = event.target.closest(".item");
  if (drag && drag.moved) return;
  if (item) {
    const id = +item.dataset.id;
    activate(id);
    if (id >= 0) item.focus({ preventScroll: true });
  } else if (view.far) {
    const r = svg.getBoundingClientRect();
    view.zoom(0.5 / view.scale, event.clientX - r.left, event.clientY - r.top);
    redraw();
  }
});
svg.addEventListener("wheel", event => {
  event.preventDefault();
  const r = svg.getBoundingClientRect();
  view.zoom(Math.exp(-event.deltaY / 500), event.clientX - r.left, event.clientY - r.top);
  redraw();
}, { passive: false });
svg.addEventListener("pointerover", event => {
  const item = event.target.closest(".item");
  if (item && !drag) tip(+item.dataset.id, event.clientX, event.clientY); else hideTip();
});
svg.addEventListener("pointerleave", hideTip);
svg.addEventListener("focusin", event => {
  const item = event.target.closest(".item");
  if (item) focus = +item.dataset.id;
});

// --- buttons

$("first").onclick = () => show(0);
$("previous").onclick = () => step(-1);
$("next").onclick = () => step(1);
$("play").onclick = () => play();
$("last").onclick = () => show(END);
$("where").oninput = event => show(scene.times[+event.target.value]);
$("larger").onclick = () => { view.zoom(1.3); redraw(); };
$("smaller").onclick = () => { view.zoom(1 / 1.3); redraw(); };
$("fit").onclick = () => { view.fit(scene); redraw(); };
const all = open => { refold(() => boxes.forEach((box, b) => { box.open = b === 0 || open; })); view.fit(scene); redraw(); };
$("unfold").onclick = () => all(true);
$("fold").onclick = () => all(false);
$("unfold").disabled = $("fold").disabled = boxes.length === 1;
$("theme").onclick = () => {
  const root = document.documentElement;
  root.dataset.theme = dark() ? "light" : "dark";
  redraw();
  $("theme").setAttribute("aria-pressed", dark());
};
function dark() {
  const set = document.documentElement.dataset.theme;
  return set ? set === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}
$("theme").setAttribute("aria-pressed", dark());

new ResizeObserver(redraw).observe(svg);
view.fit(scene, 0.7);
if (scene.items.length) view.reveal(scene.rect.get(scene.stands(0)));
show(END, false);
$("caption").textContent = (END ? "All values" + (END > F ? " and gradients" : "") + " are shown. Step plays from the start." : "A leaf, without operations.")
  + (DATA.note ? " " + DATA.note : "");
focus = scene.items.length ? scene.items[0].id : null;
if (END > 0) choose(nodes.length - 1, false);
draw();
document.documentElement.dataset.ready = "true";
