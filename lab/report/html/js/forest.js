// Forest plots: a row for each figure that the table shows, in its order: change, interval, and what does not matter.
"use strict";
lab.charts = lab.charts ?? {};
lab.data = lab.data ?? JSON.parse(document.getElementById("data").textContent);
(() => {
  const MOST_ROWS = 60; // what can be taken in; the table has the others
  const ABOVE = 34;
  const BELOW = 46;
  const NARROW = 250; // names with less room than that, in pixels, have two lines
  const KINDS = {
    regressed: ["--failed", "triangle"],
    improved: ["--passed", "diamond"],
    unchanged: ["--quiet", "rect"],
    "cannot tell": ["--invalid", "emptyCircle"],
  };
  const ROOM = 1.06;
  const AS_WIDE = 4; // an interval that reaches further than so many of the largest change or effect ends in an arrow

  const shownOf = (group) =>
    [...document.querySelectorAll("table.figures tbody tr:not([hidden])")]
      .filter((row) => row.dataset.group === group)
      .slice(0, MOST_ROWS)
      .map((row) => lab.data.figures[Number(row.dataset.row)]);

  const nameWidth = (width) => Math.min(Math.round(width * 0.44), 430);
  const rowHeight = (width) => (nameWidth(width) < NARROW ? 36 : 24);

  lab.forestMost = MOST_ROWS;
  // how high the plot of a group is, in pixels; 0 where nothing of it is shown
  lab.forestHeight = (group, width) => {
    const count = shownOf(group).length;
    return count ? ABOVE + count * rowHeight(width) + BELOW : 0;
  };

  // how far the axis reaches to the left and to the right
  const reachOf = (figures) => {
    const most = Math.max(...figures.flatMap((each) => [Math.abs(each.value), ...each.bands[1].map(Math.abs)])) || 1;
    const side = (sign) => {
      const needed = Math.max(0, ...figures.flatMap((each) => [sign * each.value, ...each.bands[1].map((end) => sign * end)]));
      const ends = figures.flatMap((each) => [each.low, each.high]).filter((end) => end !== null).map((end) => sign * end);
      return Math.min(Math.max(needed, ...ends), most * AS_WIDE) * ROOM || most;
    };
    return [-side(-1), side(1)];
  };

  const custom = (name, data, renderItem, z) => ({ name, type: "custom", silent: true, tooltip: { show: false }, z, data, encode: { x: [1, 2], y: 0 }, clip: true, renderItem });

  const bands = (look, rows, height, which, opacity) =>
    custom(`band ${which}`, rows.map((each, place) => [place, ...each.bands[which]]), (params, api) => {
      const [left, y] = api.coord([api.value(1), api.value(0)]);
      const [right] = api.coord([api.value(2), api.value(0)]);
      return { type: "rect", shape: { x: left, y: y - height / 2, width: right - left, height }, style: { fill: look.color("--quiet"), opacity } };
    }, 1);

  const intervals = (look, rows, [least, most]) =>
    custom("interval", rows.map((each, place) => [place, each.low ?? least * 2, each.high ?? most * 2]), (params, api) => {
      const row = rows[api.value(0)];
      const color = look.color(KINDS[row.judgement][0]);
      const ends = [Math.max(api.value(1), least), Math.min(api.value(2), most)];
      const [[left, y], [right]] = ends.map((end) => api.coord([end, api.value(0)]));
      const style = { stroke: color, fill: color, lineWidth: 2 };
      const end = (x, isCut, sign) =>
        isCut
          ? { type: "polygon", shape: { points: [[x, y], [x - sign * 7, y - 4], [x - sign * 7, y + 4]] }, style }
          : { type: "line", shape: { x1: x, y1: y - 4, x2: x, y2: y + 4 }, style };
      return {
        type: "group",
        children: [{ type: "line", shape: { x1: left, y1: y, x2: right, y2: y }, style }, end(left, api.value(1) < least, -1), end(right, api.value(2) > most, 1)],
      };
    }, 2);

  const points = (look, rows, judgement) => {
    const [hue, symbol] = KINDS[judgement];
    const color = look.color(hue);
    const isHollow = symbol.startsWith("empty");
    return {
      name: judgement,
      type: "scatter",
      symbol: isHollow ? "circle" : symbol,
      symbolSize: 10,
      z: 3,
      itemStyle: isHollow ? { color: look.color("--page"), borderColor: color, borderWidth: 2 } : { color, borderColor: look.color("--page"), borderWidth: 1 },
      data: rows.flatMap((each, place) => (each.judgement === judgement ? [[each.value, place]] : [])),
    };
  };

  const shortened = (text, width) => {
    const most = Math.max(Math.floor(width / 6.3), 8);
    return text.length > most ? `${text.slice(0, most - 1)}…` : text;
  };
  const label = (row, width) =>
    width < NARROW ? `${shortened(row.measure, width)}\n${shortened(row.about, width)}` : shortened(`${row.measure} · ${row.about}`, width);

  lab.charts.forest = (look, width, group) => {
    const rows = shownOf(group);
    if (!rows.length) return { series: [], xAxis: { show: false }, yAxis: { show: false } };
    const reach = reachOf(rows);
    const unit = lab.data.units[group];
    const names = Object.keys(KINDS).filter((kind) => rows.some((each) => each.judgement === kind));
    const base = lab.base(look, width, names);
    const [left, height] = [nameWidth(width), rowHeight(width)];
    const signed = (value) => `${value > 0 ? "+" : ""}${lab.digits(value)}`;
    return {
      ...base,
      legend: { ...lab.pointLegend(base), selectedMode: false },
      grid: { left, right: 22, top: ABOVE, height: rows.length * height },
      xAxis: lab.axis(look, {
        type: "value",
        min: reach[0],
        max: reach[1],
        split: true,
        axisLabel: { formatter: signed, showMinLabel: false, showMaxLabel: false },
        name: unit,
        nameLocation: "middle",
        nameGap: 26,
      }),
      yAxis: lab.axis(look, {
        type: "category",
        inverse: true,
        data: rows.map((each, place) => String(place)),
        axisLabel: { color: look.color("--ink"), interval: 0, hideOverlap: false, lineHeight: 14, formatter: (place) => label(rows[Number(place)], left - 12) },
      }),
      tooltip: {
        ...base.tooltip,
        trigger: "item",
        formatter: ({ marker, value }) => lab.tip(`${rows[value[1]].measure} · ${rows[value[1]].about}`, [[marker, "judgement", rows[value[1]].judgement], ...rows[value[1]].told.map(([name, text]) => ["", name, text])]),
      },
      series: [
        bands(look, rows, height, 1, 0.1),
        bands(look, rows, height, 0, 0.16),
        intervals(look, rows, reach),
        ...names.map((name) => points(look, rows, name)),
        { type: "line", name: "no change", silent: true, data: [], markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: look.color("--ink"), type: "solid", width: 1 }, data: [{ xAxis: 0 }] } },
      ],
    };
  };
})();
