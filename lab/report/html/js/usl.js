// The Universal Scalability Law: measured points, the law with its interval and its peak, and how a fit to fewer did.
"use strict";
(() => {
  const MEASURED = "measured";
  const HELD_OUT = "measured, held out";
  const LAW = "law";
  const BEYOND = "law, beyond what was measured";
  const WITHOUT = "law without what was held out";
  const DOTS = [MEASURED, HELD_OUT];
  const MOST = 1.6;
  const SPAN = 0.002; // of the axis: curves of a law are dense enough for straight lines between their points

  // the value of a curve of evenly spaced [n, ...values] at n, between its points
  const at = (curve, n, column) => {
    const place = Math.min(Math.max(curve.findIndex((point) => point[0] >= n), 1), curve.length - 1);
    const [before, after] = [curve[place - 1], curve[place]];
    return before[column] + ((after[column] - before[column]) * (n - before[0])) / (after[0] - before[0] || SPAN);
  };

  const band = (look, curve) => ({
    name: "interval",
    type: "custom",
    silent: true,
    tooltip: { show: false },
    clip: true,
    z: 1,
    data: [[0, 0]],
    renderItem: (params, api) => ({
      type: "polygon",
      shape: { points: [...curve.map(([n, , low]) => api.coord([n, low])), ...curve.toReversed().map(([n, , , high]) => api.coord([n, high]))] },
      style: { fill: look.color("--c1"), opacity: 0.2 },
    }),
  });
  const line = (name, data, color, type, width) => ({ name, type: "line", symbol: "none", silent: true, z: 2, data, itemStyle: { color }, lineStyle: { color, type, width }, emphasis: { disabled: true } });
  const dots = (name, points, itemStyle) => ({ name, type: "scatter", symbol: "circle", symbolSize: 7, z: 3, data: points, itemStyle });

  const seriesOf = (look, law) => {
    const [ink, blue] = [look.color("--ink"), look.color("--c1")];
    const known = law.points.map(([, n]) => n);
    const most = Math.max(...known);
    const edge = [most, at(law.curve, most, 1)];
    const values = law.curve.map(([n, x]) => [n, x]);
    const beyond = values.filter(([n]) => n > most);
    const of = (held) => law.points.filter((point) => point[3] === held).map(([drive, n, x]) => [n, x, drive]);
    const found = [band(look, law.curve), line(LAW, [...values.filter(([n]) => n < most), edge], blue, "solid", 2.2)];
    if (beyond.length) found.push(line(BEYOND, [edge, ...beyond], blue, [3, 4], 2));
    if (law.held_out.length) found.push(line(WITHOUT, law.held_out, look.color("--c2"), [9, 3, 2, 3], 1.6));
    found.push(dots(MEASURED, of(false), { color: ink, opacity: 0.55 }));
    if (law.held_out.length) found.push(dots(HELD_OUT, of(true), { color: look.color("--page"), borderColor: look.color("--c2"), borderWidth: 1.6 }));
    return found;
  };

  const peakOn = (series, look, law) => {
    if (!law.peak) return;
    const { rate, journeys } = law.peak;
    const ink = look.color("--ink");
    const label = { formatter: `peak: ${lab.digits(rate.value)} /s`, color: ink, fontSize: 11, fontWeight: 600, position: "end", distance: 4 };
    series.markLine = { silent: true, symbol: "none", data: [{ xAxis: journeys.value, lineStyle: { color: ink, type: "dashed" }, label }] };
    series.markArea = { silent: true, itemStyle: { color: look.color("--quiet"), opacity: 0.16 }, data: [[{ xAxis: journeys.low }, { xAxis: journeys.high }]] };
  };

  lab.charts.usl = (look, width, subject) => {
    const law = lab.data.documents[subject].scalability;
    const series = seriesOf(look, law);
    peakOn(series[1], look, law);
    const base = lab.base(look, width, series.slice(1).map((each) => each.name));
    const room = law.peak ? 14 : 0; // for the label of the peak, which stands above the line
    const values = [...law.curve, ...law.points.map(([, , x]) => [0, x])].map(([, x]) => x);
    // an interval that nearly everything is within would leave no room for what was measured
    const most = Math.min(Math.max(...values, ...law.curve.map(([, , , high]) => high)) * 1.05, Math.max(...values) * MOST);
    // what has a line in the legend has no dot there: dots are what was measured
    const names = base.legend.data.map((name) => (DOTS.includes(name) ? name : { name, itemStyle: { opacity: 0 } }));
    const told = ([n, x, drive], marker) =>
      lab.tip(drive, [
        [marker, `measured with ${lab.digits(n)} journeys under way`, `${lab.digits(x)} /s`],
        ["", "law", `${lab.digits(at(law.curve, n, 1))} /s (${lab.digits(at(law.curve, n, 2))} to ${lab.digits(at(law.curve, n, 3))})`],
      ]);
    return {
      ...base,
      legend: { ...base.legend, data: names },
      grid: { ...base.grid, top: base.grid.top + room, bottom: 44 },
      xAxis: lab.axis(look, { type: "value", min: 0, max: law.curve.at(-1)[0] * 1.02, axisLabel: { showMaxLabel: false }, name: "journeys under way", nameLocation: "middle", nameGap: 26 }),
      yAxis: lab.axis(look, { type: "value", min: 0, max: most, split: true, axisLabel: { formatter: (value) => `${value} /s`, showMaxLabel: false } }),
      tooltip: { ...base.tooltip, trigger: "item", formatter: ({ marker, value }) => told(value, marker) },
      series,
    };
  };
})();
