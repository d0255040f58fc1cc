// Latency of the chosen phase, scenario by scenario: histogram, distribution function, and tail.
"use strict";
(() => {
  const KINDS = { sustain: 3, soak: 2, baseline: 1 };
  const phases = [...new Set(lab.data.distributions.map((each) => each.phase))];
  const rank = (name) => KINDS[lab.data.phases.find((phase) => phase.name === name)?.kind] ?? 0;
  lab.chosenPhase = [...phases].sort((a, b) => rank(b) - rank(a))[0];
  const box = document.getElementById("phase-choice");
  for (const name of box ? phases : []) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "phase", value: name, checked: name === lab.chosenPhase });
    input.addEventListener("change", () => {
      lab.chosenPhase = name;
      lab.redraw(["histogram", "ecdf", "tail"]);
    });
    label.append(input, ` ${name}`);
    box.append(label);
  }

  const scenarios = () => {
    const own = lab.data.distributions.filter((each) => each.phase === lab.chosenPhase);
    return own.length > 1 ? own.filter((each) => each.scenario) : own;
  };
  const nameOf = (each) => each.scenario || "requests";
  const edge = (each, place) => 10 ** ((each.first + place) / each.per_decade);
  const total = (each) => each.counts.reduce((sum, count) => sum + count, 0);
  const TYPES = ["solid", "dashed", "dotted", [9, 3, 2, 3], "solid"];

  const curve = (look, each, place, points, more = {}) => ({
    name: nameOf(each),
    type: "line",
    symbol: "none",
    data: points,
    lineStyle: { color: look.color(`--c${(place % 6) + 1}`), type: TYPES[place % TYPES.length], width: 2 },
    itemStyle: { color: look.color(`--c${(place % 6) + 1}`) },
    emphasis: { disabled: true },
    ...more,
  });
  const limits = (look, share) =>
    lab.data.limits
      .filter((each) => each.metric === "http_req_duration" && share[each.statistic] !== undefined)
      .filter((each, place, all) => all.findIndex((one) => one.statistic === each.statistic) === place);

  const option = (look, width, { series, yAxis, value, extra = {} }) => {
    const every = scenarios();
    const lasts = every.map((each) => edge(each, each.counts.length));
    return {
      ...lab.base(look, width, every.map(nameOf)),
      xAxis: lab.axis(look, { type: "log", split: true, min: 10 ** Math.floor(Math.log10(Math.min(...every.map((each) => edge(each, 0))))), max: 10 ** (Math.ceil(Math.log10(Math.max(...lasts)) * 4) / 4), axisLabel: { formatter: lab.decades(lab.seconds) } }),
      yAxis: lab.axis(look, { type: "value", split: true, min: 0, ...yAxis }),
      tooltip: {
        ...lab.base(look, width).tooltip,
        formatter: (found) => (found.length ? lab.tip(lab.seconds(found[0].value[0]), found.map((each) => [each.marker, each.seriesName, value(each.value[1])])) : ""),
      },
      series,
      ...extra,
    };
  };

  const MERGED = 4; // bins of the histogram are as wide as four of the distribution: 26 %
  lab.charts.histogram = (look, width) =>
    option(look, width, {
      value: lab.percent,
      yAxis: { axisLabel: { formatter: lab.percent } },
      series: scenarios().map((each, place) => {
        const merged = new Map();
        const key = (bin) => Math.floor((each.first + bin) / MERGED);
        each.counts.forEach((count, bin) => merged.set(key(bin), (merged.get(key(bin)) ?? 0) + count));
        const begin = key(0);
        const end = key(each.counts.length - 1);
        const points = [[10 ** ((begin * MERGED) / each.per_decade), 0]];
        for (let bin = begin; bin <= end; bin++) points.push([10 ** ((bin * MERGED) / each.per_decade), (merged.get(bin) ?? 0) / total(each)]);
        points.push([10 ** (((end + 1) * MERGED) / each.per_decade), 0]);
        return curve(look, each, place, points, { step: "end", areaStyle: { opacity: 0.1 } });
      }),
    });

  const cumulated = (each, of) => {
    let sum = 0;
    const count = total(each);
    return [[edge(each, 0), of(0)], ...each.counts.map((own, place) => [edge(each, place + 1), of((sum += own) / count, count)])];
  };
  lab.charts.ecdf = (look, width) => {
    const shares = { p50: 0.5, p95: 0.95, p99: 0.99 };
    const every = scenarios();
    const series = every.map((each, place) => curve(look, each, place, cumulated(each, (share) => share)));
    const guides = Object.entries(shares).map(([name, share]) => ({
      yAxis: share,
      lineStyle: { color: look.color("--quiet"), type: "dotted" },
      label: { formatter: name.toUpperCase(), position: "insideStartTop", color: look.color("--quiet"), fontSize: 11, distance: 2 },
    }));
    if (series[0]) series[0].markLine = { silent: true, symbol: "none", data: guides.filter((each, place) => place !== 1) };
    return option(look, width, { value: lab.percent, yAxis: { max: 1, axisLabel: { formatter: lab.percent } }, series });
  };
  lab.charts.tail = (look, width) => {
    const every = scenarios();
    const least = Math.min(...every.map((each) => 1 / total(each)));
    const shares = { p50: 0.5, p95: 0.05, p99: 0.01 };
    const series = every.map((each, place) => curve(look, each, place, cumulated(each, (share, count) => (count && 1 - share < 0.5 / count ? null : 1 - share))));
    const targets = limits(look, shares).map((each) => ({ coord: [each.limit, shares[each.statistic]], name: `${each.statistic.toUpperCase()} < ${lab.seconds(each.limit)}` }));
    const farthest = Math.max(...every.map((each) => edge(each, each.counts.length)), ...targets.map((each) => each.coord[0]));
    if (series[0] && targets.length)
      series[0].markPoint = {
        silent: true,
        symbol: "triangle",
        symbolSize: 9,
        symbolRotate: 90,
        itemStyle: { color: look.color("--limit") },
        label: { formatter: ({ name }) => name, position: "left", color: look.color("--limit"), fontSize: 11 },
        data: targets,
      };
    const whole = option(look, width, {
      value: lab.percent,
      yAxis: { type: "log", min: 10 ** Math.floor(Math.log10(least)), max: 1, axisLabel: { formatter: lab.percent } },
      series,
    });
    whole.xAxis.max = 10 ** (Math.ceil(Math.log10(farthest) * 4) / 4);
    return whole;
  };
})();
