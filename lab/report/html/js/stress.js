// A stress phase: its steps as a staircase with the break point, and how near each step came to each limit.
"use strict";
(() => {
  const SIGNS = { good: "✓", bad: "✕", unknown: "?", generator: "k6" };
  const HUES = { good: "--c1", bad: "--failed", unknown: "--c7", generator: "--c5" };
  const PURPOSES = { climb: "climbing", search: "searching", confirm: "confirming" };
  const breakLine = (look, rate, axis) => ({
    [axis]: rate.value,
    lineStyle: { color: look.color("--ink"), type: [6, 4], width: 1.5 },
    label: { formatter: `breaks at ${lab.digits(rate.value)} /s`, position: axis === "yAxis" ? "insideEndTop" : "end", distance: 4, backgroundColor: look.color("--page"), padding: [1, 4], borderRadius: 3, color: look.color("--ink"), fontSize: 11, fontWeight: 600 },
  });

  lab.charts.staircase = (look, width, subject) => {
    const { steps, rate } = lab.data.stress[subject];
    const outcomes = ["good", "bad", "unknown", "generator"].filter((outcome) => steps.some((step) => step.outcome === outcome));
    const series = outcomes.map((outcome) => ({
      name: outcome,
      type: "bar",
      stack: "steps",
      barCategoryGap: "18%",
      // hollow where it was not good: to be told from the others without color
      itemStyle: outcome === "good" ? { color: look.color(HUES.good) } : { color: look.color("--page"), borderColor: look.color(HUES[outcome]), borderWidth: 1.6 },
      label: { show: width > 420, position: "top", formatter: ({ value }) => (value[1] ? SIGNS[outcome] : ""), color: look.color(HUES[outcome]), fontSize: 12, fontWeight: 700 },
      data: steps.filter((step) => step.outcome === outcome).map((step) => [String(step.step), step.planned]),
      emphasis: { disabled: true },
    }));
    if (rate) {
      series[0].markLine = { silent: true, symbol: "none", data: [breakLine(look, rate, "yAxis")] };
      series[0].markArea = { silent: true, itemStyle: { color: look.color("--quiet"), opacity: 0.18 }, data: [[{ yAxis: rate.low }, { yAxis: rate.high }]] };
    }
    const base = lab.base(look, width, outcomes);
    return {
      ...base,
      grid: { ...base.grid, bottom: 44 },
      xAxis: lab.axis(look, { type: "category", data: steps.map((step) => String(step.step)), name: "step", nameLocation: "middle", nameGap: 26 }),
      yAxis: lab.axis(look, { type: "value", split: true, min: 0, axisLabel: { formatter: (value) => `${value} /s` } }),
      tooltip: {
        ...base.tooltip,
        trigger: "item",
        formatter: ({ value }) => {
          const step = steps.find((each) => String(each.step) === value[0]);
          const seen = Object.entries(step.seen).filter(([, observed]) => observed !== null);
          return lab.tip(`Step ${step.step}, ${PURPOSES[step.purpose]}: ${step.outcome}`, [
            ["", "planned", `${lab.digits(step.planned)} /s`],
            ["", "achieved", `${lab.digits(step.achieved)} /s`],
            ...seen.map(([text, observed]) => [step.missed.includes(text) ? "✕ " : "", text, lab.digits(observed * 1000) / 1000]),
          ]);
        },
      },
      series,
    };
  };

  const LEAST = 0.001; // a share of a limit below which it makes no difference; a logarithm has no place for nothing
  lab.charts.cliff = (look, width, subject) => {
    const { steps, limits, rate } = lab.data.stress[subject];
    const symbols = ["circle", "diamond", "triangle", "rect"];
    const series = Object.entries(limits).map(([text, limit], place) => ({
      name: text,
      type: "scatter",
      symbol: symbols[place % symbols.length],
      symbolSize: 9,
      itemStyle: { color: look.color(`--c${(place % 6) + 1}`), opacity: 0.85 },
      data: steps.filter((step) => step.seen[text] != null && limit > 0).map((step) => [step.planned, Math.max(step.seen[text] / limit, LEAST), step.step, step.seen[text] / limit]),
    }));
    const lines = [{ ...lab.limitLine(look, 1, "") }];
    if (rate) lines.push(breakLine(look, rate, "xAxis"));
    if (series[0]) {
      series[0].markLine = { silent: true, symbol: "none", data: lines };
      if (rate) series[0].markArea = { silent: true, itemStyle: { color: look.color("--quiet"), opacity: 0.15 }, data: [[{ xAxis: rate.low }, { xAxis: rate.high }]] };
    }
    const base = lab.base(look, width, Object.keys(limits));
    return {
      ...base,
      legend: lab.pointLegend(base),
      grid: { ...base.grid, bottom: 44 },
      xAxis: lab.axis(look, { type: "value", scale: true, name: "planned requests per second", nameLocation: "middle", nameGap: 26 }),
      yAxis: lab.axis(look, { type: "log", split: true, min: LEAST, axisLabel: { formatter: (value) => (value <= LEAST ? "none" : value === 1 ? "the limit" : value > 1 ? `${lab.digits(value)} ×` : lab.percent(value)) } }),
      tooltip: {
        ...base.tooltip,
        trigger: "item",
        formatter: ({ marker, seriesName, value }) => lab.tip(`Step ${value[2]}, ${lab.digits(value[0])} /s`, [[marker, seriesName, value[3] > 1 ? `${lab.digits(value[3])} times the limit` : `${lab.percent(value[3])} of the limit`]]),
      },
      series,
    };
  };
})();
