// A figure over runs: its values, the levels between its changes, and each change with its size and direction.
"use strict";
lab.data = JSON.parse(document.getElementById("data").textContent);
lab.charts = {};
(() => {
  const UNITS = {
    s: lab.seconds,
    "": lab.percent,
    "requests/s": (value) => `${lab.digits(value)} /s`,
    "bytes/h": (value) => `${lab.megabytes(value)}/h`,
  };
  const COLORS = { regressed: "--failed", improved: "--passed" };
  const day = (epoch_s) => new Date(epoch_s * 1000).toISOString().slice(0, 10);
  const minute = (epoch_s) => new Date(epoch_s * 1000).toISOString().slice(11, 16);
  // runs of a day or two have the same date, and are told apart by the time of the day
  const moments = (times) => (Math.max(...times) - Math.min(...times) < 2 * 86400 ? (time) => `${day(time).slice(5)} ${minute(time)}` : day);

  const line = (name, data, color, type, more) => ({
    name,
    type: "line",
    data,
    itemStyle: { color },
    lineStyle: { color, type, width: 1.2, opacity: 0.55 },
    emphasis: { disabled: true },
    ...more,
  });

  const changesOf = (look, track, runs, judgement) => {
    const color = look.color(COLORS[judgement]);
    const own = track.changes.filter((change) => change.judgement === judgement);
    return {
      name: judgement,
      type: "scatter",
      symbol: "triangle",
      symbolSize: 13,
      z: 4,
      symbolRotate: (_, params) => (own[params.dataIndex].is_up ? 0 : 180),
      data: own.map((change) => [runs[change.at][0], track.values[change.at]]),
      itemStyle: { color, borderColor: look.color("--page"), borderWidth: 1 },
      markLine: {
        silent: true,
        symbol: "none",
        lineStyle: { color, type: [4, 4], width: 1.5 },
        label: { color, fontSize: 11, fontWeight: 600, position: "end", distance: 3 },
        data: own.map((change) => ({ xAxis: runs[change.at][0], label: { formatter: () => change.told } })),
      },
    };
  };

  const levelsOf = (look, track, runs) => ({
    ...line(
      "level",
      track.levels.flatMap(([from, to, mean]) => runs.slice(from, to + 1).map(([id]) => [id, mean])),
      look.color("--ink"),
      "solid",
      { symbol: "none", step: "middle", z: 2 },
    ),
    lineStyle: { color: look.color("--ink"), width: 2 },
  });

  const described = (track, runs, params) => {
    const place = params[0].dataIndex;
    const [id, started, commit, outcome] = runs[place];
    const format = UNITS[track.unit];
    const change = track.changes.find((each) => each.at === place);
    const level = track.levels.find(([from, to]) => from <= place && place <= to);
    const rows = [
      [params[0].marker, "value", track.values[place] == null ? "–" : format(track.values[place])],
      ...(level ? [["", "level", format(level[2])]] : []),
      ...(change ? [["", change.judgement, `${change.told}, ${change.commits}`]] : []),
      ["", "commit", commit],
      ["", "verdict", outcome],
    ];
    return lab.tip(`${id}, ${day(started)} ${minute(started)} UTC`, rows);
  };

  // where a closed chapter has no width, what was drawn in it has none either
  for (const chapter of document.querySelectorAll("details.level")) chapter.addEventListener("toggle", () => lab.redraw(["history"]));

  lab.charts.history = (look, width, subject) => {
    const track = lab.data.tracks[subject];
    const runs = lab.data.runs[subject.split("/")[0]];
    const started = new Map(runs.map(([id, time]) => [id, time]));
    const shown = moments(runs.map(([, time]) => time));
    const blue = look.color("--c1");
    const judgements = Object.keys(COLORS).filter((each) => track.changes.some((change) => change.judgement === each));
    const names = ["value", ...(track.levels.length ? ["level"] : []), ...judgements];
    const base = lab.base(look, width, names);
    const values = runs.map(([id], place) => [id, track.values[place]]);
    return {
      ...base,
      grid: { ...base.grid, top: base.grid.top + (judgements.length ? 16 : 0), left: 68 },
      tooltip: { ...base.tooltip, formatter: (params) => described(track, runs, params) },
      xAxis: lab.axis(look, { type: "category", data: runs.map(([id]) => id), boundaryGap: true, axisLabel: { formatter: (id) => shown(started.get(id)) } }),
      yAxis: lab.axis(look, { type: "value", scale: true, split: true, axisLabel: { formatter: UNITS[track.unit] } }),
      series: [
        line("value", values, blue, "solid", { symbol: "circle", symbolSize: 6, showAllSymbol: true, z: 3 }),
        ...(track.levels.length ? [levelsOf(look, track, runs)] : []),
        ...judgements.map((each) => changesOf(look, track, runs, each)),
      ],
    };
  };
})();
