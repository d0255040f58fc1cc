(() => {
  "use strict";
  const svg = document.currentScript ? document.currentScript.closest("svg") : document.documentElement;
  const boxes = [...svg.querySelectorAll("g[data-d]")].map((g) => ({
    g,
    start: +g.dataset.s,
    width: +g.dataset.w,
    depth: +g.dataset.d,
    told: g.querySelector("title").textContent,
    words: g.getAttribute("aria-label").slice(0, g.getAttribute("aria-label").lastIndexOf(": ")),
    rect: g.querySelector("rect"),
    text: g.querySelector("text"),
  }));
  if (!boxes.length) return;
  const byElement = new Map(boxes.map((box) => [box.g, box]));
  const told = svg.querySelector("#told");
  const found = svg.querySelector("#found");
  const input = svg.querySelector("#search");
  const help = told.textContent;
  const near = 1e-3;
  let zoomed = boxes[0];
  let current = boxes[0];

  const isWithin = (inner, outer) =>
    inner.start >= outer.start - near && inner.start + inner.width <= outer.start + outer.width + near;

  function draw() {
    const pixels = svg.getBoundingClientRect().width;
    for (const box of boxes) {
      const isAbove = box.depth < zoomed.depth && isWithin(zoomed, box);
      const isShown = isAbove || (box.depth >= zoomed.depth && isWithin(box, zoomed));
      box.g.classList.toggle("gone", !isShown);
      box.g.classList.toggle("above", isAbove);
      if (!isShown) continue;
      const start = isAbove ? 0 : ((box.start - zoomed.start) / zoomed.width) * 100;
      const width = isAbove ? 100 : (box.width / zoomed.width) * 100;
      box.rect.setAttribute("x", `${start}%`);
      box.rect.setAttribute("width", `${width}%`);
      box.text.setAttribute("x", `${start}%`);
      const letters = Math.floor(((width / 100) * pixels - 6) / 6.6);
      const words = box.words;
      box.text.textContent =
        letters >= words.length ? words : letters > 3 ? `${words.slice(0, letters - 1)}…` : "";
    }
  }

  function zoom(box) {
    zoomed = box;
    draw();
    move(box);
    search();
  }

  function move(box) {
    if (!box) return;
    current.g.setAttribute("tabindex", "-1");
    current = box;
    box.g.setAttribute("tabindex", "0");
    box.g.focus({ preventScroll: false });
    told.textContent = box.told;
  }

  const shown = (box) => !box.g.classList.contains("gone");

  function neighbour(key) {
    const { depth, start, width } = current;
    const row = (wanted) => boxes.filter((box) => box.depth === wanted && shown(box));
    if (key === "ArrowUp") return row(depth - 1).find((box) => isWithin(current, box));
    if (key === "ArrowDown")
      return row(depth + 1).filter((box) => isWithin(box, current)).sort((a, b) => b.width - a.width)[0];
    if (key === "ArrowRight") return row(depth).find((box) => box.start >= start + width - near);
    return row(depth).filter((box) => box.start + box.width <= start + near).at(-1);
  }

  function matcher(text) {
    const pattern = text.match(/^\/(.+)\/$/);
    if (!pattern) return (words) => words.toLowerCase().includes(text.toLowerCase());
    try {
      const expression = new RegExp(pattern[1], "i");
      return (words) => expression.test(words);
    } catch {
      return () => false;
    }
  }

  function search() {
    const text = input.value.trim();
    const matches = matcher(text);
    const hits = [];
    for (const box of boxes) {
      const isHit = text !== "" && matches(box.words);
      box.g.classList.toggle("found", isHit);
      if (isHit && isWithin(box, zoomed) && box.depth >= zoomed.depth) hits.push(box);
    }
    // boxes come by depth, so that one within another of the hits is counted with it already
    const outermost = [];
    for (const box of hits) if (!outermost.some((outer) => isWithin(box, outer))) outermost.push(box);
    const share = outermost.reduce((sum, box) => sum + box.width, 0) / zoomed.width;
    found.textContent = text === "" ? "" : `${hits.length} boxes match, ${(share * 100).toFixed(1)} % of what is shown`;
  }

  svg.addEventListener("click", (event) => {
    const g = event.target.closest("g[data-d]");
    if (g) zoom(byElement.get(g));
  });
  svg.addEventListener("mouseover", (event) => {
    const g = event.target.closest("g[data-d]");
    told.textContent = g ? byElement.get(g).told : help;
  });
  svg.addEventListener("focusin", (event) => {
    const box = byElement.get(event.target);
    if (box) told.textContent = box.told;
  });
  input.addEventListener("input", search);
  // inside a page the keys are the page's own, unless they are pressed in here
  const listened = svg === document.documentElement ? document : svg;
  listened.addEventListener("keydown", (event) => {
    const isTyping = event.target === input;
    if (event.key === "Escape") {
      input.value = "";
      zoom(boxes[0]);
    } else if (event.key === "/" && !isTyping) {
      event.preventDefault();
      input.focus();
    } else if (event.key === "f" && (event.ctrlKey || event.metaKey) && !isTyping) {
      event.preventDefault();
      input.focus();
    } else if (!isTyping && byElement.has(event.target)) {
      if (event.key === "Enter" || event.key === " ") zoom(current);
      else if (event.key.startsWith("Arrow")) move(neighbour(event.key));
      else return;
      event.preventDefault();
    }
  });
  window.addEventListener("resize", draw);
  draw();
})();
