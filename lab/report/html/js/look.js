// What charts look like: colors that the colour-blind tell apart (after Okabe and Ito), each with a line of its own.
"use strict";
(() => {
  const styles = () => getComputedStyle(document.documentElement);
  const LINES = {
    backend: ["--c1", "solid"],
    ai_core: ["--c2", "solid"],
    mongo: ["--c3", "solid"],
    k6: ["--c4", "dashed"],
    prometheus: ["--c5", "dotted"],
    lab: ["--c7", "dotted"],
    machine: ["--ink", [8, 4]],
    planned: ["--ink", [6, 4]],
    achieved: ["--c1", "solid"],
    answered: ["--c2", "dotted"],
    p50: ["--c3", "solid"],
    p95: ["--c1", "solid"],
    p99: ["--c2", [7, 3]],
    slowest: ["--c7", "solid"],
    requests: ["--c2", "solid"],
    analyses: ["--c1", "dashed"],
  };
  const REST = [
    ["--c1", "solid"],
    ["--c2", "dashed"],
    ["--c3", "dotted"],
    ["--c4", [9, 3, 2, 3]],
    ["--c5", "solid"],
    ["--c6", "dashed"],
    ["--c7", "dotted"],
  ];
  lab.look = () => {
    const css = styles();
    const color = (name) => css.getPropertyValue(name).trim();
    const line = (name, place = 0) => {
      const [hue, type] = LINES[name] ?? REST[place % REST.length];
      return { color: color(hue), type };
    };
    return { color, line };
  };

  const isNarrow = (width) => width < 520;

  const legendHeight = (names, width) => {
    let rows = 1;
    let left = width;
    for (const name of names) {
      const wanted = Math.min(46 + name.length * 6.8, width);
      if (wanted > left) {
        rows += 1;
        left = width;
      }
      left -= wanted;
    }
    return rows * 23 - 4;
  };

  // what every chart has in common; `width` is that of the chart in pixels, `names` what its legend names
  lab.base = (look, width, names = []) => ({
    animation: false,
    useUTC: true,
    textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: look.color("--ink") },
    grid: { left: isNarrow(width) ? 50 : 60, right: isNarrow(width) ? 10 : 22, top: (names.length ? legendHeight(names, width) : 0) + 20, bottom: 28 },
    legend: {
      show: names.length > 0,
      data: names,
      top: 0,
      left: 0,
      padding: [2, 0],
      itemWidth: 28,
      itemHeight: 9,
      itemGap: 8,
      textStyle: { color: look.color("--ink"), fontSize: 12, lineHeight: 15 },
      inactiveColor: look.color("--line"),
    },
    tooltip: {
      trigger: "axis",
      confine: true,
      transitionDuration: 0,
      extraCssText: "z-index: 3; max-width: 100%; white-space: normal; overflow-wrap: anywhere",
      backgroundColor: look.color("--card"),
      borderColor: look.color("--line"),
      textStyle: { color: look.color("--ink"), fontSize: 12 },
      axisPointer: { lineStyle: { color: look.color("--quiet") }, label: { show: false } },
    },
    aria: { enabled: false },
  });

  lab.pointLegend = (base) => ({ ...base.legend, itemWidth: 11, itemHeight: 11 });

  lab.axis = (look, more) => ({
    axisLine: { show: false },
    axisTick: { show: false },
    axisLabel: { color: look.color("--quiet"), fontSize: 11, hideOverlap: true, ...more.axisLabel },
    splitLine: { show: more.split ?? false, lineStyle: { color: look.color("--line"), width: 1 } },
    nameTextStyle: { color: look.color("--quiet"), fontSize: 11 },
    minorTick: { show: false },
    minorSplitLine: { show: false },
    ...Object.fromEntries(Object.entries(more).filter(([name]) => !["axisLabel", "split"].includes(name))),
  });

  // of a logarithmic axis the powers of ten, and not its ends where these are none
  lab.decades = (format) => (value) => (Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-6 ? format(value) : "");

  // a tooltip: a title, and a row for each [marker, name, value]
  lab.tip = (title, rows) =>
    `<b>${lab.escaped(title)}</b><br>` +
    rows.map(([marker, name, value]) => `${marker}${lab.escaped(name)}: <b>${lab.escaped(value)}</b>`).join("<br>");

  lab.limitLine = (look, at, text, axis = "yAxis") => ({
    [axis]: at,
    name: text,
    lineStyle: { color: look.color("--limit"), type: [4, 4], width: 1.5 },
    label: {
      formatter: () => text,
      position: "insideEndTop",
      color: look.color("--limit"),
      fontSize: 11,
    },
  });
})();
