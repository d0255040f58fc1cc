"""What a run found out, for people (terminal, Markdown) and for programs (JSON, JUnit). Pure: a report in, text out."""
