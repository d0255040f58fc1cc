"""What every dashboard is made of: its variables and annotations, and panels whose title is the question they answer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, statetimeline, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as kinds
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="lab-prometheus")
RATE = "$__rate_interval"
OF_RUN = 'run=~"$run"'
OF_K6 = 'testid=~"$run", phase=~"$phase", scenario=~"$scenario"'
PanelBuilder = Builder[models.Panel]
_LIMIT = "the limit of the plan"
_BLUE, _RED = "#5794F2", "#F2495C"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query, and how its series are named."""

    expr: str
    legend: str


def q(expr: str, legend: str) -> Query:
    """Make a query about what the services, the database, the machine or the lab tell, in the chosen run and phase.

    Points from other phases than the chosen ones are left out; where no run goes on there are no phases to leave out.
    Aggregations in `expr` must keep the label `run`.
    """
    return Query(expr=f'({expr}) unless on (run) lab_phase{{run=~"$run", drive!~"$phase"}}', legend=legend)


def of_k6(expr: str, legend: str) -> Query:
    """Make a query about what k6 tells, whose series carry run, phase and scenario themselves."""
    return Query(expr=expr, legend=legend)


def limit(statistic: str, metric: str, *, more: str = "") -> Query:
    """Make the query of the limits that the plan holds against a statistic of a metric."""
    selector = f'{OF_RUN}, statistic="{statistic}", metric="{metric}"{more}'
    return Query(expr=f"max by (expect) (lab_threshold{{{selector}}})", legend=_LIMIT + ": {{expect}}")


def k6_quantile(quantile: float, metric: str, by: str, *, more: str = "") -> str:
    """Give a percentile of a trend of k6: of native histograms, as it sends them, or of those that a replay brings."""
    selector = f"{OF_K6}{more}"
    native = f"histogram_quantile({quantile}, sum by ({by}) (rate(k6_{metric}{{{selector}}}[{RATE}])))"
    classic = f"histogram_quantile({quantile}, sum by ({by}, le) (rate(k6_{metric}_bucket{{{selector}}}[{RATE}])))"
    return f"{native} or {classic}"


def graph(
    title: str,
    description: str,
    unit: str,
    *queries: Query,
    width: int = 12,
    stacked: bool = False,
    highest: float | None = None,
    logarithmic: bool = False,
) -> PanelBuilder:
    """Make a panel of lines over time. `title` is a question, `unit` one of Grafana's, `width` of 24 columns."""
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .min(0)
        .height(8)
        .span(width)
        .line_width(1)
        .fill_opacity(30 if stacked else 8)
        .show_points(kinds.VisibilityMode.NEVER)
        .span_nulls(False)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(kinds.TooltipDisplayMode.MULTI).sort(kinds.SortOrder.DESCENDING))
        .override_by_regexp(f"/^{_LIMIT}/", _of_a_limit())
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(kinds.StackingMode.NORMAL))
    if highest is not None:
        panel = panel.max(highest)
    if logarithmic:
        log = common.ScaleDistributionConfig().type(kinds.ScaleDistribution.LOG).log(10)
        panel = panel.min(0.0005).scale_distribution(log)
    return _with(panel, queries)


def number(title: str, description: str, unit: str, *queries: Query, width: int = 4, decimals: int = 1) -> PanelBuilder:
    """Make a panel of single figures, the latest ones, each with its course behind it."""
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit(unit)
        .decimals(decimals)
        .height(5)
        .span(width)
        .graph_mode(kinds.BigValueGraphMode.AREA)
        .color_mode(kinds.BigValueColorMode.VALUE)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )
    return _with(panel, queries)


def heat(title: str, description: str, unit: str, query: Query, *, width: int = 12) -> PanelBuilder:
    """Make a heatmap of a histogram: its query gives how many by `le`."""
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .height(8)
        .span(width)
        .calculate(False)
        .color(heatmap.HeatmapColorOptions().mode(heatmap_models.HeatmapColorMode.SCHEME).scheme("Oranges").steps(64))
        .y_axis(heatmap.YAxisConfig().unit(unit))
        .with_target(_target(0, query).format(PromQueryFormat.HEATMAP))
    )


def states(title: str, description: str, *queries: Query, width: int = 24) -> PanelBuilder:
    """Make a panel of what was on when."""
    panel = (
        statetimeline.Panel()
        .title(title)
        .description(description)
        .datasource(SOURCE)
        .unit("none")
        .height(6)
        .span(width)
        .show_value(kinds.VisibilityMode.NEVER)
        .row_height(0.8)
    )
    return _with(panel, queries)


def board(uid: str, title: str, description: str, rows: Sequence[tuple[str, Sequence[PanelBuilder]]]) -> str:
    """Give a dashboard as JSON: rows of panels, with the variables and annotations that all of them share."""
    made = (
        dashboard.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["performance-lab"])
        .readonly()
        .time("now-15m", "now")
        .refresh("5s")
        .timezone("utc")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(_other_boards())
    )
    for variable in _variables():
        made = made.with_variable(variable)
    for name, panels in rows:
        made = made.with_row(dashboard.Row(name))
        for panel in panels:
            made = made.with_panel(panel)
    content = json.loads(json.dumps(made.build(), cls=JSONEncoder))
    content["annotations"] = {"list": _annotations()}
    content["version"] = 1
    return json.dumps(content, indent=2, sort_keys=True) + "\n"


def _with(panel: Any, queries: Sequence[Query]) -> PanelBuilder:
    for place, query in enumerate(queries):
        panel = panel.with_target(_target(place, query))
    built: PanelBuilder = panel
    return built


def _target(place: int, query: Query) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(SOURCE)
        .expr(query.expr)
        .legend_format(query.legend)
        .range()
        .ref_id(chr(ord("A") + place))
    )


def _legend() -> common.VizLegendOptions:
    return (
        common.VizLegendOptions()
        .display_mode(kinds.LegendDisplayMode.LIST)
        .placement(kinds.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _of_a_limit() -> list[models.DynamicConfigValue]:
    return [
        models.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": _RED}),
        models.DynamicConfigValue(id_val="custom.lineStyle", value={"fill": "dash", "dash": [8, 6]}),
        models.DynamicConfigValue(id_val="custom.fillOpacity", value=0),
        models.DynamicConfigValue(id_val="custom.stacking", value={"mode": "none"}),
    ]


def _variables() -> list[dashboard.QueryVariable]:
    asked = {
        "run": ("Run", "label_values(lab_run, run)"),
        "phase": ("Phase", 'label_values(lab_phase{run=~"$run"}, drive)'),
        "scenario": ("Scenario", 'label_values(k6_http_reqs_total{testid=~"$run"}, scenario)'),
        "service": ("Service", "label_values(lab_process_start_time_seconds, service)"),
    }
    return [
        dashboard.QueryVariable(name)
        .label(label)
        .query({"query": query, "refId": name})
        .datasource(SOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.NUMERICAL_DESC if name == "run" else models.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(models.VariableOption(text="All", value="$__all", selected=True))
        for name, (label, query) in asked.items()
    ]


def _annotations() -> list[dict[str, Any]]:
    """Give phases and alerts; the SDK's model of an annotation has no place for what Prometheus' ones are made of."""
    of_prometheus = {"datasource": {"type": "prometheus", "uid": SOURCE.uid}, "enable": True, "step": "1s"}
    return [
        of_prometheus
        | {
            "name": "Phases",
            "iconColor": _BLUE,
            "expr": 'lab_phase{run=~"$run", drive=~"$phase"} == 1',
            "titleFormat": "{{drive}}",
            "textFormat": "{{kind}} of {{run}}",
            "tagKeys": "kind,scenario",
        },
        of_prometheus
        | {
            "name": "Alerts",
            "iconColor": _RED,
            "expr": 'ALERTS{alertstate="firing"}',
            "titleFormat": "{{alertname}}",
            "textFormat": "{{target}}",
            "tagKeys": "service,severity",
        },
    ]


def _other_boards() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Performance lab")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["performance-lab"])
        .as_dropdown(False)
        .include_vars(True)
        .keep_time(True)
    )
