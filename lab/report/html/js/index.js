// Shows the runs that have every word that is asked for.
"use strict";
(() => {
  const input = document.getElementById("wanted");
  if (!input) return;
  const rows = [...document.querySelectorAll("table.runs tbody tr")];
  const said = document.getElementById("shown");
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      count += row.hidden ? 0 : 1;
    }
    said.textContent = words.length ? `${count} of ${rows.length} runs` : `${rows.length} runs, newest first`;
  });
})();
