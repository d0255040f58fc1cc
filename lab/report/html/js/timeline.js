// Charts over time: of the whole run, and close up of a spike. Each takes a timeline, and gives what ECharts draws.
"use strict";
lab.charts = {};
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  lab.data = data;
  const at = (since) => (data.started_at + since) * 1000;
  lab.at = at;

  const pairs = (curve, column = "v") => curve.t.map((t, place) => [at(t), curve[column][place]]);

  const phaseAreas = (look, timeline, isLabelled, width) => ({
    silent: true,
    data: data.phases.map((phase, place) => [
      {
        xAxis: at(phase.from),
        name: phase.name,
        itemStyle: { color: place % 2 ? "transparent" : look.color("--band"), opacity: 0.9 },
        label: {
          show: isLabelled && ((phase.to - phase.from) / (timeline.to - timeline.from)) * (width - 80) > phase.name.length * 6.2,
          position: "top",
          color: look.color("--quiet"),
          fontSize: 11,
          distance: 3,
        },
      },
      { xAxis: at(phase.to) },
    ]),
  });

  // the surge of a spike, in place of phases
  const surgeArea = (look, spike) => ({
    silent: true,
    data: [
      [
        {
          xAxis: at(spike.from),
          name: "surge",
          itemStyle: { color: look.color("--band"), opacity: 1 },
          label: { position: "top", distance: 3, color: look.color("--quiet"), fontSize: 11 },
        },
        { xAxis: at(spike.to) },
      ],
    ],
  });

  // an invisible series that holds shades and lines, so that no legend entry switches them off
  const frame = (look, width, subject, timeline, isLabelled, lines) => ({
    name: "frame",
    type: "line",
    data: [],
    silent: true,
    symbol: "none",
    z: 1,
    markArea: subject && data.spikes[subject] ? surgeArea(look, data.spikes[subject]) : phaseAreas(look, timeline, isLabelled, width),
    markLine: { silent: true, symbol: "none", animation: false, data: lines },
  });

  const line = (look, curve, place, more = {}) => ({
    name: curve.name,
    type: "line",
    data: pairs(curve),
    symbol: "none",
    showSymbol: false,
    connectNulls: false,
    z: 3,
    lineStyle: { ...look.line(curve.name, place), width: 1.6, ...more.lineStyle },
    itemStyle: { color: look.line(curve.name, place).color },
    emphasis: { disabled: true },
    ...Object.fromEntries(Object.entries(more).filter(([name]) => name !== "lineStyle")),
  });

  // the band from the lowest to the highest reading, as one polygon for each stretch without a hole
  const band = (look, curve, place) => {
    const color = look.line(curve.name, place).color;
    const stretches = [];
    let open = null;
    curve.t.forEach((t, index) => {
      if (curve.v[index] === null) open = null;
      else {
        if (!open) stretches.push((open = []));
        open.push(index);
      }
    });
    return {
      name: curve.name,
      type: "custom",
      silent: true,
      tooltip: { show: false },
      z: 2,
      // the axis is to reach as far as the extremes do
      data: stretches.map((stretch, number) => [
        at(curve.t[stretch[0]]),
        Math.min(...stretch.map((index) => curve.low[index])),
        Math.max(...stretch.map((index) => curve.high[index])),
        number,
      ]),
      clip: true,
      renderItem: (params, api) => {
        const stretch = stretches[api.value(3)];
        const edge = (column) => stretch.map((index) => api.coord([at(curve.t[index]), curve[column][index]]));
        return {
          type: "polygon",
          shape: { points: [...edge("high"), ...edge("low").reverse()] },
          style: { fill: color, opacity: 0.22 },
        };
      },
      encode: { x: 0, y: [1, 2] },
    };
  };

  const withBands = (look, curves) =>
    curves.flatMap((curve, place) => [line(look, curve, place), ...(curve.low ? [band(look, curve, place)] : [])]);

  const timeAxis = (look, timeline, width) =>
    lab.axis(look, {
      type: "time",
      min: at(timeline.from),
      max: at(timeline.to),
      axisLabel: {
        formatter: (value) => new Date(value).toISOString().slice(11, timeline.to - timeline.from > 900 ? 16 : 19),
      },
      splitNumber: width < 520 ? 3 : 8,
    });

  const pane = (look, width, timeline, subject, { axis, series, lines = [], value, isFirst = false }) => ({
    ...lab.base(look, width, [...new Set(series.map((each) => each.name))]),
    tooltip: { ...lab.base(look, width).tooltip, formatter: (found) => told(found, value) },
    xAxis: timeAxis(look, timeline, width),
    yAxis: lab.axis(look, { type: "value", split: true, min: 0, splitNumber: 4, ...axis }),
    dataZoom: [{ type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseMove: "shift", moveOnMouseWheel: false, filterMode: "none" }],
    toolbox: { show: true, itemSize: 0, top: -30, feature: { dataZoom: { yAxisIndex: false, filterMode: "none", brushStyle: { color: look.color("--focus"), opacity: 0.15 } } } },
    series: [frame(look, width, subject, timeline, isFirst, lines), ...series],
  });

  // what is under the pointer, whose extremes are told where they differ
  const told = (found, value) => {
    const shown = found.filter((each) => each.seriesType === "line" && each.value?.[1] != null);
    if (!shown.length) return "";
    return lab.tip(
      `${lab.clock(shown[0].value[0] / 1000)} UTC`,
      shown.map((each) => {
        const extremes = each.value[2] == null ? "" : ` (${value(each.value[2])} to ${value(each.value[3])})`;
        return [each.marker, each.seriesName, value(each.value[1]) + extremes];
      }),
    );
  };
  const withExtremes = (series, curves) => {
    for (const each of series.filter((one) => one.type === "line")) {
      const curve = curves.find((one) => one.name === each.name);
      if (curve?.low) each.data = curve.t.map((t, place) => [at(t), curve.v[place], curve.low[place], curve.high[place]]);
    }
    return series;
  };

  const limits = (look, metric, statistics, text) =>
    data.limits
      .filter((each) => each.metric === metric && statistics.includes(each.statistic))
      .filter((each, place, all) => all.findIndex((one) => one.limit === each.limit && one.statistic === each.statistic) === place)
      .map((each) => lab.limitLine(look, each.limit, text(each)));

  const bandLine = (look, subject, signal, format) => {
    const found = data.spikes[subject]?.signals[signal];
    if (found?.band == null) return [];
    const lines = [
      {
        yAxis: found.band,
        lineStyle: { color: look.color("--quiet"), type: "dotted", width: 1.5 },
        label: { formatter: () => `band up to ${format(found.band)}`, position: "insideEndTop", color: look.color("--quiet"), fontSize: 11 },
      },
    ];
    if (found.recovered != null)
      lines.push({
        xAxis: at(found.recovered),
        lineStyle: { color: look.color("--passed"), type: "solid", width: 1.5 },
        label: { formatter: "recovered", position: "end", distance: 3, color: look.color("--passed"), fontSize: 11, align: "left" },
      });
    return lines;
  };
  const perSecond = (value) => `${lab.digits(value)} /s`;

  lab.charts.rates = (look, width, subject) => {
    const timeline = data.timelines[subject];
    return pane(look, width, timeline, subject, {
      isFirst: true,
      value: perSecond,
      axis: { axisLabel: { formatter: (value) => `${value} /s` } },
      series: timeline.rates.map((curve, place) => line(look, curve, place, curve.name === "planned" ? { z: 4 } : {})),
    });
  };

  lab.charts.percentiles = (look, width, subject) => {
    const timeline = data.timelines[subject];
    const drawn = limits(look, "http_req_duration", ["p50", "p95", "p99"], (each) => `${each.statistic.toUpperCase()} < ${lab.seconds(each.limit)}`);
    const dots = { ...line(look, timeline.slowest, 0), type: "line", lineStyle: { ...look.line("slowest"), width: 1, opacity: 0.75 } };
    const lines = timeline.percentiles.map((curve, place) =>
      line(look, curve, place, { showSymbol: false, connectNulls: false, symbol: "circle", symbolSize: 3 }),
    );
    return pane(look, width, timeline, subject, {
      isFirst: !subject,
      value: lab.seconds,
      axis: { type: "log", min: logFloor([timeline.percentiles[0], timeline.slowest]), max: Math.max(...timeline.slowest.v, ...drawn.map((each) => each.yAxis)) * 1.6, axisLabel: { formatter: lab.decades(lab.seconds) } },
      series: [dots, ...lines],
      lines: [
        ...drawn,
        ...bandLine(look, subject, "p95_s", lab.seconds),
      ],
    });
  };
  const logFloor = (curves) => {
    const least = Math.min(...curves.flatMap((curve) => curve.v.filter((value) => value > 0)));
    return Number.isFinite(least) ? 10 ** Math.floor(Math.log10(least)) : 1e-4;
  };

  lab.charts.errors = (look, width, subject) => {
    const timeline = data.timelines[subject];
    const highest = Math.max(...timeline.errors.flatMap((curve) => curve.v.filter((value) => value !== null)), 0);
    const targets = [
      ...limits(look, "http_req_failed", ["rate"], (each) => `requests < ${lab.percent(each.limit)}`),
      ...limits(look, "analysis_failed", ["rate"], (each) => `analyses < ${lab.percent(each.limit)}`),
    ];
    const shown = targets.filter((each, place) => targets.findIndex((one) => one.yAxis === each.yAxis) === place);
    for (const each of shown) if (targets.filter((one) => one.yAxis === each.yAxis).length > 1) each.label.formatter = () => `limit ${lab.percent(each.yAxis)}`;
    return pane(look, width, timeline, subject, {
      value: lab.percent,
      axis: { max: highest ? null : 0.01, interval: highest ? null : 0.005, axisLabel: { formatter: lab.percent }, splitNumber: 3 },
      series: timeline.errors.map((curve, place) => line(look, curve, place)),
      lines: [...shown, ...bandLine(look, subject, "error_rate", lab.percent).slice(1)],
    });
  };

  const plain = (group, value, format, more = {}) => (look, width, subject) => {
    const timeline = data.timelines[subject];
    const curves = timeline[group].filter((curve) => curve.t.length);
    return pane(look, width, timeline, subject, {
      value,
      axis: { axisLabel: { formatter: format }, ...more.axis },
      series: withExtremes(withBands(look, curves), curves),
      lines: more.lines ? more.lines(look, subject) : [],
    });
  };
  lab.charts.waiting = plain("waiting", lab.digits, lab.digits, {
    axis: { splitNumber: 3, minInterval: 1 },
    lines: (look, subject) => bandLine(look, subject, "queue_depth", lab.digits),
  });
  lab.charts.cores = plain("cores", (value) => `${lab.digits(value)} cores`, lab.digits);
  lab.charts.memory = plain("memory", lab.megabytes, lab.megabytes);
  lab.charts.traffic = plain("traffic", (value) => `${lab.megabytes(value)}/s`, (value) => `${lab.megabytes(value)}/s`, { axis: { splitNumber: 3 } });

  // many rectangles as one shape: a chart of thousands of cells is drawn in a moment, again at each zoom
  echarts.graphic.registerShape(
    "cells",
    echarts.graphic.extendShape({
      shape: { cells: [] },
      buildPath: (path, { cells }) => cells.forEach(([x, y, width, height]) => path.rect(x, y, width, height)),
    }),
  );

  const LEVELS = 12;
  const mixed = (from, to, share) => {
    const channels = (hex) => [1, 3, 5].map((place) => Number.parseInt(hex.slice(place, place + 2), 16));
    const [a, b] = [channels(from), channels(to)];
    return `rgb(${a.map((value, place) => Math.round(value + (b[place] - value) * share)).join(",")})`;
  };
  const shade = (look, share) => {
    const scale = ["--heat0", "--heat1", "--heat2", "--heat3", "--heat4"].map(look.color);
    const place = Math.min(Math.floor(share * (scale.length - 1)), scale.length - 2);
    return mixed(scale[place], scale[place + 1], share * (scale.length - 1) - place);
  };

  // the cells of each level of color, by the logarithm of how many requests are in them
  const levelsOf = (heat) => {
    const most = Math.log10(Math.max(...heat.cells.map(([, , count]) => count))) || 1;
    const levels = Array.from({ length: LEVELS }, () => []);
    for (const cell of heat.cells) levels[Math.round((Math.log10(cell[2]) / most) * (LEVELS - 1))].push(cell);
    return levels;
  };

  // what a column comes to: all of its requests, and the bin that has the most of them
  const columnsOf = (heat) => {
    const columns = new Map();
    for (const [step, bin, count] of heat.cells) {
      const column = columns.get(step) ?? { total: 0, most: 0, bin };
      columns.set(step, { total: column.total + count, ...(count > column.most ? { most: count, bin } : { most: column.most, bin: column.bin }) });
    }
    return [...columns].sort(([a], [b]) => a - b);
  };

  lab.charts.heatmap = (look, width) => {
    const heat = data.heatmap;
    const timeline = data.timelines[""];
    const edge = (bin) => 10 ** (bin / heat.per_decade);
    const bins = heat.cells.map(([, bin]) => bin);
    const levels = levelsOf(heat);
    const begin = at(timeline.from);
    const option = pane(look, width, timeline, "", {
      value: lab.digits,
      axis: { type: "log", min: edge(Math.min(...bins)), max: edge(Math.max(...bins) + 1), axisLabel: { formatter: lab.decades(lab.seconds) } },
      series: [
        {
          name: "cells",
          type: "custom",
          silent: true,
          clip: true,
          z: 3,
          tooltip: { show: false },
          data: levels.map((_, level) => [begin, edge(bins[0]), level]),
          encode: { x: 0, y: 1 },
          renderItem: (params, api) => {
            const level = api.value(2);
            const cells = levels[level].map(([step, bin]) => {
              const [left, bottom] = api.coord([at(step * heat.step), edge(bin)]);
              const [right, top] = api.coord([at((step + 1) * heat.step), edge(bin + 1)]);
              return [left, top, Math.max(right - left, 1) + 0.4, bottom - top + 0.4];
            });
            return { type: "cells", shape: { cells }, style: { fill: shade(look, level / (LEVELS - 1)) } };
          },
        },
        {
          name: "most requests took",
          type: "line",
          symbol: "none",
          lineStyle: { opacity: 0 },
          data: columnsOf(heat).map(([step, column]) => [at((step + 0.5) * heat.step), edge(column.bin + 0.5), column.total, at(step * heat.step), at((step + 1) * heat.step), edge(column.bin), edge(column.bin + 1)]),
        },
      ],
    });
    option.legend = { show: false };
    option.grid.top = 8;
    option.tooltip.formatter = (found) => {
      const value = found.find((each) => each.seriesType === "line")?.value;
      if (!value) return "";
      return lab.tip(`${lab.clock(value[3] / 1000)} to ${lab.clock(value[4] / 1000)} UTC`, [
        ["", "requests", String(value[2])],
        ["", "most of them took", `${lab.seconds(value[5])} to ${lab.seconds(value[6])}`],
      ]);
    };
    return option;
  };
})();
