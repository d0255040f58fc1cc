// Latency against the offered rate of a ramp, with 95 % intervals, and where the knee is.
"use strict";
(() => {
  const bars = (look, name, color, points) => ({
    name,
    type: "custom",
    silent: true,
    tooltip: { show: false },
    z: 2,
    data: points,
    encode: { x: 0, y: [1, 2] },
    renderItem: (params, api) => {
      const [x, low] = api.coord([api.value(0), api.value(1)]);
      const [, high] = api.coord([api.value(0), api.value(2)]);
      return { type: "line", shape: { x1: x, y1: low, x2: x, y2: high }, style: { stroke: color, lineWidth: 1.2, opacity: 0.6 } };
    },
  });

  lab.charts.ramp = (look, width, subject) => {
    const ramp = lab.data.ramps[subject];
    const kinds = [
      ["p50", "--c3", "circle"],
      ["p95", "--c1", "diamond"],
    ];
    const series = kinds.flatMap(([name, hue, symbol]) => {
      const known = ramp.bins.filter((bin) => bin[name]);
      const color = look.color(hue);
      return [
        { name, type: "scatter", symbol, symbolSize: 8, itemStyle: { color }, z: 3, data: known.map((bin) => [bin.offered, bin[name].value, bin[name].low, bin[name].high]) },
        bars(look, name, color, known.map((bin) => [bin.offered, bin[name].low, bin[name].high])),
      ];
    });
    const marks = ramp.breaks.map((each) => lab.limitLine(look, each.rate.value, each.text, "xAxis"));
    if (ramp.knee) {
      marks.push({ xAxis: ramp.knee.value, lineStyle: { color: look.color("--ink"), type: "dashed" }, label: { formatter: `knee ${lab.digits(ramp.knee.value)} /s`, color: look.color("--ink"), fontSize: 11 } });
      series[0].markArea = { silent: true, itemStyle: { color: look.color("--band") }, data: [[{ xAxis: ramp.knee.low }, { xAxis: ramp.knee.high }]] };
    }
    series[0].markLine = { silent: true, symbol: "none", data: marks };
    const base = lab.base(look, width, ["p50", "p95"]);
    return {
      ...base,
      legend: lab.pointLegend(base),
      grid: { ...base.grid, bottom: 44 },
      xAxis: lab.axis(look, { type: "value", min: 0, name: "offered requests per second", nameLocation: "middle", nameGap: 26 }),
      yAxis: lab.axis(look, { type: "log", split: true, axisLabel: { formatter: lab.decades(lab.seconds) } }),
      tooltip: {
        ...base.tooltip,
        trigger: "item",
        formatter: ({ marker, seriesName, value }) => lab.tip(`${lab.digits(value[0])} /s offered`, [[marker, seriesName, `${lab.seconds(value[1])} (${lab.seconds(value[2])} to ${lab.seconds(value[3])})`]]),
      },
      series,
    };
  };
})();
