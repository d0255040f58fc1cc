# The two commands of the README, and what a contributor runs.
.PHONY: demo test bootstrap docs dashboards lock bench containers detection telemetry playbooks report comparison

demo: bootstrap ## set up, then the main job: up, a short mixed run, verdict, down
	.venv/bin/lab run mixed --plan smoke --up --engine process

test: bootstrap ## set up, then lint, types and all tests
	scripts/check

bootstrap: ## make or renew .venv from requirements.lock
	scripts/bootstrap

docs: bootstrap ## write docs/cli.md from --help
	.venv/bin/python scripts/write_cli_docs.py

dashboards: bootstrap ## write grafana/dashboards/*.json
	.venv/bin/python -m dashboards

lock: bootstrap ## resolve the dependencies anew
	scripts/lock

bench: bootstrap ## print what the lab itself costs
	.venv/bin/python benchmarks/samples_reader.py
	.venv/bin/python benchmarks/percentiles.py
	.venv/bin/python benchmarks/percentiles.py --coverage

detection: bootstrap ## print how often the answers of the analysis are right (docs/analysis.md, docs/history.md)
	.venv/bin/python benchmarks/detection.py
	.venv/bin/python benchmarks/leak_detection.py
	.venv/bin/python benchmarks/history.py

containers: bootstrap ## print what containers cost (docs/containers.md)
	.venv/bin/python benchmarks/containers.py --build --checks --load

report: bootstrap ## print what the report of the latest run costs (docs/report.md)
	.venv/bin/python benchmarks/report.py docs/perf/day14/artifacts/latest

telemetry: bootstrap ## print what telemetry costs (docs/telemetry.md)
	.venv/bin/python benchmarks/telemetry.py

playbooks: bootstrap ## stage every bottleneck and print which rules fire (docs/playbooks.md)
	.venv/bin/python benchmarks/playbooks.py --markdown

comparison: bootstrap ## drive runs for an hour and print how often comparisons of them are right (docs/comparing.md)
	.venv/bin/python benchmarks/ab.py drive .lab-comparison --minutes 60
	.venv/bin/python benchmarks/ab.py table .lab-comparison
