// Draws charts when they come near the screen, again when the theme or the width changes, and all of them for print.
"use strict";
(() => {
  const figures = [...document.querySelectorAll("figure.chart")];
  const drawn = new Map();
  let range = null; // what is zoomed to, in milliseconds; null: everything
  const isOverTime = (figure) => figure.dataset.group === "time";

  const option = (figure, canvas) => {
    const made = lab.charts[figure.dataset.chart](lab.look(), canvas.clientWidth, figure.dataset.subject);
    if (isOverTime(figure) && range) Object.assign(made.dataZoom[0], { startValue: range[0], endValue: range[1] });
    return made;
  };
  const draw = (figure) => {
    if (drawn.has(figure)) return;
    const canvas = figure.querySelector(".canvas");
    const chart = echarts.init(canvas, null, { renderer: "canvas" });
    drawn.set(figure, chart);
    try {
      chart.setOption(option(figure, canvas));
    } catch (error) {
      reportError(error); // one chart that cannot be drawn keeps no other from it
      return;
    }
    figure.dataset.drawn = "yes";
    if (isOverTime(figure)) listen(chart);
    tabulated(figure, chart);
  };
  const again = (figure) => {
    const chart = drawn.get(figure);
    if (!chart) return;
    chart.resize();
    chart.setOption(option(figure, figure.querySelector(".canvas")), { notMerge: true });
    if (isOverTime(figure)) selecting(chart);
  };
  lab.redraw = (kinds) => figures.filter((figure) => kinds.includes(figure.dataset.chart)).forEach(again);

  // -- linked zoom: dragging over any chart selects, a double click shows everything ---------------------------------
  const selecting = (chart) => chart.dispatchAction({ type: "takeGlobalCursor", key: "dataZoomSelect", dataZoomSelectActive: true });
  const whole = lab.data.timelines[""];
  const everything = () => [lab.at(whole.from), lab.at(whole.to)];
  let isFollowing = false;
  let selectedIn = null; // the chart that was dragged over, until all of them follow it
  const zoomTo = (wanted) => {
    const [least, most] = everything();
    const width = Math.min(Math.max(wanted[1] - wanted[0], whole.step * 4000), most - least);
    const begin = Math.min(Math.max(wanted[0], least), most - width);
    range = width > (most - least) * 0.999 ? null : [begin, begin + width];
    const [startValue, endValue] = range ?? [least, most];
    isFollowing = true;
    for (const [figure, chart] of drawn)
      if (isOverTime(figure)) chart.dispatchAction({ type: "dataZoom", dataZoomIndex: 0, startValue, endValue, escapeConnect: true });
    isFollowing = false;
    told();
  };
  const follow = () => {
    const { startValue, endValue } = selectedIn.getOption().dataZoom[0];
    zoomTo([startValue, endValue]);
    selectedIn = null;
  };
  const listen = (chart) => {
    chart.group = "time";
    selecting(chart);
    // charts of a group tell one another of it first, and each of them says so: all is done once, when they are through
    chart.on("datazoom", () => {
      if (isFollowing || selectedIn) return;
      selectedIn = chart;
      requestAnimationFrame(follow);
    });
    chart.getZr().on("dblclick", () => zoomTo(everything()));
  };

  const bar = document.querySelector(".zoom");
  const say = Object.assign(document.createElement("span"), { className: "quiet" });
  say.setAttribute("role", "status");
  const buttons = [];
  const button = (text, act, phase, label) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    if (label) made.setAttribute("aria-label", label);
    made.addEventListener("click", () => zoomTo(act(range ?? everything())));
    buttons.push([made, phase]);
    bar.append(made);
  };
  const told = () => {
    const [from, to] = range ?? everything();
    for (const [made, phase] of buttons)
      if (phase !== undefined) {
        const [begin, end] = phase ? [lab.at(phase.from), lab.at(phase.to)] : everything();
        made.setAttribute("aria-pressed", String(Math.abs(begin - from) < 2000 && Math.abs(end - to) < 2000));
      }
    say.textContent = range
      ? `${lab.clock(from / 1000)} to ${lab.clock(to / 1000)} UTC, ${lab.length((to - from) / 1000)}`
      : "Drag over a chart to zoom into all of them; a double click shows everything.";
  };
  if (bar) {
    button("whole run", everything, null);
    for (const phase of lab.data.phases) button(phase.name, () => [lab.at(phase.from), lab.at(phase.to)], phase);
    const moved = (share) => ([from, to]) => [from + (to - from) * share, to + (to - from) * share];
    const scaled = (factor) => ([from, to]) => {
      const center = (from + to) / 2;
      return [center - ((to - from) * factor) / 2, center + ((to - from) * factor) / 2];
    };
    button("←", moved(-0.5), undefined, "earlier");
    button("→", moved(0.5), undefined, "later");
    button("+", scaled(0.5), undefined, "zoom in");
    button("−", scaled(2), undefined, "zoom out");
    bar.append(say);
    told();
  }
  echarts.connect("time");

  // -- the same as a table, for those who cannot see it, or want to copy it ------------------------------------------
  const MOST_ROWS = 400;
  const TABULATED = ["line", "scatter", "bar"];
  const STANDS_BY_ITS_TABLE = ["forest"];
  const tabulated = (figure, chart) => {
    if (STANDS_BY_ITS_TABLE.includes(figure.dataset.chart)) return;
    if (!chart.getOption().series.some((series) => TABULATED.includes(series.type) && series.data?.length)) return;
    const details = Object.assign(document.createElement("details"), { className: "data" });
    details.append(Object.assign(document.createElement("summary"), { textContent: "as a table" }));
    details.addEventListener("toggle", () => {
      details.querySelector(".wide")?.remove();
      if (details.open) details.append(table(chart));
    });
    figure.append(details);
  };
  const table = (chart) => {
    const made = chart.getOption();
    const isTime = made.xAxis[0].type === "time";
    const rows = new Map();
    const names = [];
    for (const series of made.series) {
      if (!TABULATED.includes(series.type) || !series.data?.length) continue;
      names.push(series.name);
      for (const point of series.data) {
        const [x, y] = point;
        if (y == null) continue;
        if (!rows.has(x)) rows.set(x, new Map());
        rows.get(x).set(series.name, y);
      }
    }
    const [from, to] = isTime && range ? range : [-Infinity, Infinity];
    const shown = [...rows].filter(([x]) => !isTime || (x >= from && x <= to)).sort(([a], [b]) => a - b);
    const every = Math.ceil(shown.length / MOST_ROWS) || 1;
    const cell = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
    const body = document.createElement("tbody");
    for (const [x, values] of shown.filter((_, place) => place % every === 0)) {
      const row = document.createElement("tr");
      row.append(cell("td", isTime ? lab.clock(x / 1000) : typeof x === "number" ? x.toPrecision(4) : x));
      for (const name of names) row.append(Object.assign(cell("td", values.has(name) ? String(Number(values.get(name).toPrecision(4))) : "–"), { className: "number" }));
      body.append(row);
    }
    const head = document.createElement("tr");
    head.append(...[isTime ? "UTC" : "", ...names].map((name) => cell("th", name)));
    const whole = document.createElement("table");
    whole.append(document.createElement("thead"), body);
    whole.tHead.append(head);
    const box = Object.assign(document.createElement("div"), { className: "wide" });
    box.append(whole);
    if (every > 1) box.append(Object.assign(cell("p", `Every ${every}th point; zoom in for the others.`), { className: "note" }));
    return box;
  };

  // -- when to draw --------------------------------------------------------------------------------------------------
  const nearing = new IntersectionObserver(
    (entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          nearing.unobserve(entry.target);
          draw(entry.target);
        }
    },
    { rootMargin: "600px 0px" },
  );
  figures.forEach((figure) => nearing.observe(figure));
  lab.drawAll = () => figures.forEach(draw);
  // the rest in short turns, so that scrolling finds every chart there and is not held up meanwhile
  const TURN_MS = 60;
  const rest = () => {
    const begun = performance.now();
    for (const figure of figures) if (performance.now() - begun < TURN_MS) draw(figure);
    if (figures.some((figure) => !drawn.has(figure))) setTimeout(rest);
    else requestAnimationFrame(() => setTimeout(markDrawn));
  };
  // how long it took from the opening of the page until the last chart was painted, for tests and benchmarks/report.py
  const markDrawn = () => (document.documentElement.dataset.drawnMs = String(Math.round(performance.now())));
  requestAnimationFrame(() => setTimeout(rest));

  let width = window.innerWidth;
  let waiting = 0;
  window.addEventListener("resize", () => {
    if (window.innerWidth === width) return;
    width = window.innerWidth;
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => figures.forEach(again));
  });
  lab.theme.onChange(() => figures.forEach(again));
  let opened = [];
  window.addEventListener("beforeprint", () => {
    lab.theme.force("light");
    opened = [...document.querySelectorAll("details.doubt:not([open])")];
    for (const details of opened) details.open = true;
    lab.drawAll();
    figures.forEach(again);
  });
  window.addEventListener("afterprint", () => {
    lab.theme.force("");
    for (const details of opened) details.open = false;
    figures.forEach(again);
  });
})();
