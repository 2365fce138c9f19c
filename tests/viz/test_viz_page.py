"""The page in a browser: elements, stepping, folding, keys, sizes, and a silent console."""
import os
import re
import shutil

import pytest

import cgrad
from cgrad import nn, viz
from cgrad.viz import _collect, _layout, _place


def _find(*names):
    return next((path for path in map(shutil.which, names) if path), None)


CHROMIUM = os.environ.get("CGRAD_CHROMIUM") or _find("chromium", "chromium-browser",
                                                      "google-chrome", "chrome")
DRIVER = os.environ.get("CGRAD_CHROMEDRIVER") or _find("chromedriver")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no Chromium with chromedriver here"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    pytest.importorskip("selenium", reason="selenium, which drives the browser, is not installed")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-dev-shm-usage", "--window-size=1500,900",
                 f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def show(browser, tmp_path):
    """Opens a picture as a page; at the end nothing may stand in the console."""
    from selenium.webdriver.support.ui import WebDriverWait

    def open_(picture):
        browser.get(picture.save(tmp_path / "page.html").as_uri())
        WebDriverWait(browser, 60, 0.02).until(lambda d: d.execute_script(
            "return document.documentElement.dataset.ready === 'true'"))
        return Page(browser)

    yield open_
    assert browser.get_log("browser") == []
    loaded = browser.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)")
    assert loaded == [], "the page loaded something"


class Page:
    def __init__(self, driver):
        self.driver = driver
        self.js = driver.execute_script

    def texts(self, selector):
        return [e.get_attribute("textContent") for e in self.all(selector)]

    def all(self, selector):
        return self.driver.find_elements("css selector", selector)

    def press(self, *keys):
        from selenium.webdriver import ActionChains

        ActionChains(self.driver).send_keys(*keys).perform()
        self.js("draw()")

    def click(self, name):
        self.driver.find_element("id", name).click()
        self.js("draw()")

    @property
    def caption(self):
        return self.texts("#caption")[0]

    def cards(self):
        """title -> the lines on the card."""
        return {t[0]: t[1:] for t in (
            [x.get_attribute("textContent") for x in card.find_elements("css selector", "text")]
            for card in self.all("#nodes .item"))}


@pytest.fixture
def lecture():
    x, y, z = (cgrad.tensor(v, requires_grad=True) for v in (1.0, 2.0, 0.0))
    with viz.record():
        a, b = x + y, cgrad.maximum(y, z)
        f = a * b
    return viz.graph(f, params={"x": x, "y": y, "z": z, "a": a, "b": b, "f": f})


def test_everything_is_shown_at_first(show, lecture):
    page = show(lecture)
    assert page.cards() == {
        "x": ["scalar float32", "= 1", "∂ 2"], "y": ["scalar float32", "= 2", "∂ 2 + 3 = 5"],
        "z": ["scalar float32", "= 0", "∂ 0"], "+  a  add": ["scalar float32", "= 3", "∂ 2"],
        "max  b  maximum": ["scalar float32", "= 2", "∂ 3"],
        "×  f  mul": ["scalar float32", "= 6", "∂ 1"]}
    assert sorted(page.texts("#labels .equation")) == [
        "1 × 2= 21 × 3= 3", "2 × 1= 22 × 1= 2", "3 × 1= 33 × 0= 0"]
    assert len(page.all("#wires path[marker-end]")) == 6
    assert page.texts("#count") == ["everything"]
    assert "3 operations, 3 leaves" in page.texts("header p")[0]


def test_steps(show, lecture):
    page = show(lecture)
    page.click("first")
    assert page.caption == ("Start: the leaves and constants are given. "
                            "3 steps forward and 3 backward.")
    assert page.cards()["×  f  mul"] == ["scalar float32", "", ""]
    assert page.cards()["y"] == ["scalar float32", "= 2", ""]
    said = []
    for _ in range(6):
        page.click("next")
        said.append(page.caption)
    assert said == [
        "Forward 1 of 3: a takes x (1) and y (2) and gives 3.",
        "Forward 2 of 3: b takes y (2) and z (0) and gives 2.",
        "Forward 3 of 3: f takes a (3) and b (2) and gives 6.",
        "Backward 1 of 3: f has the upstream gradient 1. "
        "It sends 1 × 2 = 2 to a and 1 × 3 = 3 to b.",
        "Backward 2 of 3: b has the upstream gradient 3. "
        "It sends 3 × 1 = 3 to y and 3 × 0 = 0 to z.",
        "Backward 3 of 3: a has the upstream gradient 2. "
        "It sends 2 × 1 = 2 to x and 2 × 1 = 2 to y. All gradients of y are there: 2 + 3 = 5."]
    page.click("previous")
    assert page.cards()["y"][2] == "∂ 3 + …" and page.cards()["x"][2] == ""
    assert page.texts("#nodes .item.now .name") == ["max  b  maximum"]
    assert len(page.all("#wires .now.backward")) == 2
    assert page.texts("#count") == ["backward 2 / 3"]
    assert page.texts("#details h2") == ["b maximum, operation"], "the panel follows the steps"
    page.js("document.getElementById('where').value = 1;"
            "document.getElementById('where').dispatchEvent(new Event('input')); draw()")
    assert page.caption.startswith("Forward 1 of 3") and not page.all("#labels .equation")


def test_play(show, lecture):
    from selenium.webdriver.support.ui import WebDriverWait

    page = show(lecture)
    page.click("play")
    assert page.texts("#play") == ["❚❚ Pause"]
    WebDriverWait(page.driver, 60, 0.05).until(lambda d: page.texts("#play") == ["▶ Play"])
    assert page.caption.startswith("Backward 3 of 3")


def test_keys_and_names(show, lecture):
    """All that can be done with the mouse can be done with keys, and all of it has a name."""
    from selenium.webdriver.common.keys import Keys

    page = show(lecture)
    page.press(Keys.HOME)
    assert page.caption.startswith("Start")
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert page.caption.startswith("Forward 2")
    page.press(Keys.ARROW_LEFT)
    assert page.caption.startswith("Forward 1")
    page.press(Keys.END)
    assert page.texts("#count") == ["backward 3 / 3"]
    for _ in range(20):
        page.press(Keys.TAB)
        if page.js("return document.activeElement.matches('.item')"):
            break
    assert page.js("return document.activeElement.matches('.item')"), "Tab leads into the graph"
    first = page.js("return document.activeElement.getAttribute('aria-label')")
    assert first == "x, leaf, scalar float32, value 1, gradient 2"
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ENTER)
    assert page.texts("#details h2") == ["a add, operation"]
    assert page.caption.startswith("a, add, scalar float32, value 3, gradient 2")
    assert page.js("return document.activeElement.dataset.id") == "2", "focus stays"
    assert len(page.all("#world [tabindex='0']")) == 1, "one stop of the Tab key"
    for element in page.all("button, input, [role=button], aside, #near, [role=toolbar]"):
        name = (element.get_attribute("aria-label") or element.get_attribute("textContent")
                or page.js("return arguments[0].labels && arguments[0].labels[0].textContent",
                           element))
        assert name and re.search(r"\w", name), element.get_attribute("outerHTML")
    assert page.driver.find_element("id", "caption").get_attribute("aria-live") == "polite"
    # What a screen reader is given.
    tree = page.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    read = {(n["role"]["value"], n["name"]["value"]) for n in tree
            if not n["ignored"] and "name" in n}
    assert {("button", "y, leaf, scalar float32, value 2, gradient 2 + 3 = 5"),
            ("button", "f, mul, scalar float32, value 6, gradient 1"), ("slider", "Step"),
            ("button", "Step on"), ("heading", "Computation graph")} <= read
    assert page.js("return document.documentElement.lang") == "en"


def test_rule_and_source_line(show, lecture):
    from selenium.webdriver import ActionChains

    page = show(lecture)
    card = page.driver.find_element("css selector", "#nodes [data-id='4']")
    ActionChains(page.driver).move_to_element(card).perform()
    tip = page.texts("#tip")[0]
    assert "Routes: the whole gradient goes to the larger input" in tip
    assert "∂a = g where a > b" in tip
    assert "a, b = x + y, cgrad.maximum(y, z)" in tip and "test_viz_page.py, line" in tip
    card.click()
    details = page.texts("#details")[0]
    for part in ("Routes:", "3 × 0 = 0", "test_viz_page.py, line", "sends 3"):
        assert part in details
    page.all("#details button.link")[0].click()
    assert page.texts("#details h2") == ["y leaf"]
    assert "Used by: their gradients are summed" in page.texts("#details")[0]


WORDS = ("#caption", "#details p", "#details h3", "#nodes .value", "#nodes .gradient",
         "#labels text", "#nodes .small", ".legend li")
LINES = ("--line", "--fore", "--back", "--mark")


def test_light_and_dark(show, lecture):
    page = show(lecture)
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = page.js(ground)
    page.click("theme")
    assert page.js(ground) != light
    assert page.driver.find_element("id", "theme").get_attribute("aria-pressed") == "true"
    page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark"},
        {"name": "prefers-reduced-motion", "value": "reduce"}]})
    try:
        page = show(lecture)
        assert page.js(ground) != light, "follows the system"
        for words in WORDS:
            assert contrast(page, words) >= 4.5, words
        page.click("previous")
        assert page.js("return getComputedStyle(document.querySelector('.wire.now path'))"
                       ".animationName") == "none"
    finally:
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    page = show(lecture)
    for words in WORDS:
        assert contrast(page, words) >= 4.5, words
    for line in LINES:
        page.js("document.querySelector('#caption').style.color = `var(${arguments[0]})`", line)
        assert contrast(page, "#caption") >= 3, line


def contrast(page, selector):
    """The ratio of luminances of text and ground (WCAG 2.1, 1.4.3)."""
    ink, *grounds = page.js("""
        const e = document.querySelector(arguments[0]), s = getComputedStyle(e);
        const root = getComputedStyle(document.documentElement);
        const probe = document.createElement('span');
        document.body.append(probe);
        const rgb = c => { probe.style.color = c; return getComputedStyle(probe).color; };
        const found = [rgb(e.closest('svg') ? s.fill : s.color),
                       rgb(root.getPropertyValue('--card')), rgb(root.getPropertyValue('--paper'))];
        probe.remove();
        return found;""", selector)

    def luminance(color):
        parts = [int(v) / 255 for v in re.findall(r"\d+", color)[:3]]
        r, g, b = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    return min((max(a, b) + 0.05) / (min(a, b) + 0.05)
               for a, b in ((luminance(ink), luminance(g)) for g in grounds))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return x + self.second(self.first(x).tanh())


def network():
    model = nn.Sequential(Block(), Block(), nn.Linear(4, 1))
    with viz.record():
        return model(cgrad.randn(3, 4)).square().mean()


def test_folding(show):
    page = show(viz.graph(network(), fold=1))
    assert page.texts("#nodes .closed .name") == ["0 Block", "1 Block", "2 Linear"]
    page.js("show(0)")
    for _ in range(3):
        page.click("next")
    assert page.caption == "Forward 3 of 5: 2 Linear, a box of 3 nodes, is passed."
    details = page.texts("#details")[0]
    assert details.startswith("2 Linear box of 3 nodes") and "2.weight" in details
    page.all("#nodes .closed")[0].click()
    assert page.texts("#boxes .open .name") == ["▾ Sequential", "▾ 0 Block"]
    assert page.texts("#nodes .closed .name")[:2] == ["0.first Linear", "0.second Linear"]
    assert page.js("return document.activeElement.dataset.id") == str(-1 - 2), "focus stays"
    page.press(" ")
    assert page.texts("#nodes .closed .name") == ["0 Block", "1 Block", "2 Linear"]
    page.click("unfold")
    page.click("fit")
    assert not page.all("#nodes .closed") and len(page.all("#boxes .open")) == 8
    find = page.driver.find_element("id", "find")
    find.send_keys("1.second.w")
    assert page.texts("#found button") == ["1.second.weight"]
    page.click("fold")
    page.all("#found button")[0].click()
    assert page.texts("#details h2") == ["1.second.weight leaf"]
    assert "Sequential › 1 Block › 1.second Linear" in page.texts("#details")[0]


@pytest.mark.parametrize("fold", [None, 0, 1, 2])
def test_the_browser_places_things_where_python_does(show, fold):
    loss = network()
    page = show(viz.graph(loss, fold=fold))
    graph = _collect.collect(loss, None, None)
    layout = _layout.layout(graph, fold)
    placed = _place.Placed(graph, layout, True)
    there = page.js("return [scene.placed.node, scene.placed.corner, scene.placed.size]")
    for mine, theirs in zip((placed.node, placed.corner, placed.size), there):
        for a, b in zip(mine, theirs):
            assert (b is None and a[2] == 0) or a == pytest.approx(b, abs=1e-6)


OVERLAPS = """
    const out = [], meets = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
                                   && a.top < b.bottom - 3 && b.top < a.bottom - 3;
    const texts = [...document.querySelectorAll('#near text')].filter(t => t.textContent);
    const rects = texts.map(t => t.getBoundingClientRect());
    texts.forEach((t, i) => {
      for (let j = 0; j < i; j++) {
        if (meets(rects[i], rects[j])) out.push([t.textContent, texts[j].textContent]);
      }
      const card = t.closest('#nodes .item');
      if (card && rects[i].right > card.querySelector('.paper').getBoundingClientRect().right) {
        out.push([t.textContent, 'sticks out']);
      }
    });
    return [texts.length, out];"""


def test_no_text_overlaps_another(show):
    """Words keep out of each other's way and stay on their cards."""
    # Long numbers too: signs, all digits, exponents, and values that are used several times.
    x = cgrad.tensor([-1.2345e-10, -6.7891e-9, 3e-10, 2e-10, -1e-10, 1.5e-10], requires_grad=True)
    n = cgrad.tensor(-1.2345e-10, requires_grad=True)
    y = (x * -1.2345e-10).sum() * n * -1.2345e10 + n * n + n
    for loss in (network(), y):
        page = show(viz.graph(loss))
        seen, wide = 0, page.js("return scene.size[0]")
        for x in range(-50, int(wide), 900):
            page.js("view.scale = 1; view.x = arguments[0]; view.y = -50; draw()", x)
            count, bad = page.js(OVERLAPS)
            seen += count
            assert bad == []
        assert seen > 40


def test_ten_thousand_nodes(show):
    """Opens folded, steps, unfolds altogether, and never makes more elements than can be seen."""
    x = cgrad.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(5000):
        y = (y * x).tanh()
    page = show(viz.graph(y, params={"x": x}))
    assert page.js("return nodes.length") == 10_001
    assert len(page.all("#near *")) < 3000
    page.click("first")
    page.click("next")
    assert page.caption.startswith("Forward 1 of")
    page.click("unfold")
    assert page.js("return scene.items.length") > 10_001
    assert len(page.all("#near *")) < 200, "from afar a canvas"
    page.click("first")
    for _ in range(3):
        page.click("next")
    assert page.caption.startswith("Forward 3 of 10000: mul")
    assert page.texts("#nodes .item.now .name") == ["×  mul"], "stepping goes near"
    page.click("last")
    assert page.caption.startswith("Backward 10000 of 10000")
    assert page.texts("#nodes .item.now .name") == ["×  mul"]
    assert len(page.all("#near *")) < 5000


def test_a_graph_without_gradients(show):
    loss = network()
    loss.backward()
    page = show(viz.graph(loss))
    assert "retain_graph=True" in page.caption
    page.click("first")
    page.click("next")
    assert page.caption.startswith("Forward 1 of 11") and not page.all("#labels text")
    show(viz.graph(cgrad.tensor(1.0, requires_grad=True)))
