// Tables that sort by a click, or a key, on the head of a column; rows that belong to a heading stay below it.
"use strict";
(() => {
  const UNITS = { µs: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86400, kB: 1e3, MB: 1e6, GB: 1e9 };
  const valueOf = (cell) => {
    const text = cell.dataset.sort ?? cell.textContent.trim();
    const found = text.match(/^([-+]?\d+(?:\.\d+)?)(?![\d:.-])(?:[^a-zA-Zµ]*?)(?:\s*\([^)]*\))?\s*(µs|ms|s|min|h|d|kB|MB|GB)?\b/);
    return found ? Number(found[1]) * (UNITS[found[2]] ?? 1) : text.toLowerCase();
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
    return typeof a === "number" ? -1 : 1; // what has no figure stands last
  };
  const sort = (table, column, sign) => {
    for (const body of table.tBodies) {
      const rows = [...body.rows];
      const headings = rows.filter((row) => row.classList.contains("heading"));
      const others = rows.filter((row) => !row.classList.contains("heading"));
      const keyed = others.map((row) => [valueOf(row.cells[column]), row]);
      keyed.sort(([a], [b]) => (typeof a === typeof b ? sign * compare(a, b) : compare(a, b)));
      body.append(...headings, ...keyed.map(([, row]) => row));
    }
  };
  lab.makeSortable = (table) => {
    const heads = [...(table.tHead?.rows[0]?.cells ?? [])];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      if (!button.textContent.trim()) button.setAttribute("aria-label", "sort by outcome");
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const next = head.getAttribute("aria-sort") === "descending" ? "ascending" : "descending";
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", next);
        sort(table, column, next === "ascending" ? 1 : -1);
      });
    });
  };
  document.querySelectorAll("table.sortable").forEach(lab.makeSortable);
})();
