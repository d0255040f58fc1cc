// Memory of a service over a soak, with the slope that was fitted to it after its warm-up.
"use strict";
(() => {
  const middle = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

  lab.charts.growth = (look, width, subject) => {
    const name = lab.data.phases.find((each) => subject.startsWith(`${each.name}/`)).name;
    const service = subject.slice(name.length + 1);
    const phase = lab.data.phases.find((each) => each.name === name);
    const curve = lab.data.timelines[""].memory.find((each) => each.name === service);
    const fit = lab.data.growth[subject];
    const rows = curve ? curve.t.map((t, place) => place).filter((place) => curve.t[place] >= phase.from && curve.t[place] <= phase.to) : [];
    const begin = phase.from + fit.warmup;
    const center = (begin + phase.to) / 2;
    const fitted = (slope, since) => fit.level + (slope * (since - center)) / 3600;
    const ends = [begin, phase.to];
    const color = look.line(service).color;
    const values = rows.map((place) => curve.v[place]).filter((value) => value !== null);
    const level = values.length ? middle(values) : fit.level;
    // at least as high as the growth that would count as a leak: a flat line is to look flat
    const room = Math.max(fit.effect * ((phase.to - phase.from) / 3600), ...values.map((value) => Math.abs(value - level) * 1.1), level * 0.01);
    const spread = {
      name: "interval",
      type: "custom",
      silent: true,
      tooltip: { show: false },
      clip: true,
      z: 2,
      data: [[lab.at(begin), fit.level]],
      renderItem: (params, api) => ({
        type: "polygon",
        shape: { points: [...ends.map((since) => api.coord([lab.at(since), Math.max(fitted(fit.slope.low, since), fitted(fit.slope.high, since))])), ...ends.toReversed().map((since) => api.coord([lab.at(since), Math.min(fitted(fit.slope.low, since), fitted(fit.slope.high, since))]))] },
        style: { fill: look.color("--ink"), opacity: 0.15 },
      }),
    };
    const base = lab.base(look, width, [service, "fitted"]);
    return {
      ...base,
      xAxis: lab.axis(look, { type: "time", min: lab.at(phase.from), max: lab.at(phase.to), splitNumber: 4, axisLabel: { formatter: (value) => new Date(value).toISOString().slice(11, 16) } }),
      yAxis: lab.axis(look, { type: "value", split: true, min: Math.max(level - room, 0), max: level + room, splitNumber: 4, axisLabel: { formatter: lab.megabytes, showMinLabel: false, showMaxLabel: false } }),
      tooltip: { ...base.tooltip, formatter: (found) => (found.length ? lab.tip(`${lab.clock(found[0].value[0] / 1000)} UTC`, found.map((each) => [each.marker, each.seriesName, lab.megabytes(each.value[1])])) : "") },
      series: [
        spread,
        { name: service, type: "line", symbol: "none", z: 3, data: rows.map((place) => [lab.at(curve.t[place]), curve.v[place]]), lineStyle: { ...look.line(service), width: 1.8 }, itemStyle: { color }, emphasis: { disabled: true },
          markArea: fit.warmup > 0 ? { silent: true, itemStyle: { color: look.color("--band") }, label: { position: "insideTop", color: look.color("--quiet"), fontSize: 11 }, data: [[{ xAxis: lab.at(phase.from), name: fit.warmup / (phase.to - phase.from) > 0.1 ? "warm-up" : "" }, { xAxis: lab.at(begin) }]] } : undefined },
        { name: "fitted", type: "line", symbol: "none", z: 4, data: ends.map((since) => [lab.at(since), fitted(fit.slope.value, since)]), lineStyle: { color: look.color("--ink"), type: [6, 4], width: 1.6 }, itemStyle: { color: look.color("--ink") }, emphasis: { disabled: true } },
      ],
    };
  };
})();
