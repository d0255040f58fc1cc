"""The Grafana dashboards of the lab, built with grafana-foundation-sdk; `make dashboards` writes grafana/dashboards/."""
