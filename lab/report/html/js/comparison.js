// Shows the figures of one judgement, or with every word that is asked for; the forest plots follow the table.
"use strict";
(() => {
  const table = document.querySelector("table.figures");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const inputs = [...document.querySelectorAll('input[name="judgement"]')];
  const wanted = document.getElementById("wanted");
  const said = document.getElementById("shown");
  const figures = [...document.querySelectorAll("figure.chart.forest")];

  const isChosen = (row, name) => name === "all" || (name === "main" ? row.dataset.main === "yes" : row.dataset.judgement === name);
  const sized = () => {
    for (const figure of figures) {
      const canvas = figure.querySelector(".canvas");
      figure.hidden = false; // what is hidden has no width
      const height = lab.forestHeight(figure.dataset.subject, canvas.clientWidth);
      figure.hidden = height === 0;
      if (height) canvas.style.height = `${height}px`;
    }
  };
  const filter = () => {
    const name = inputs.find((input) => input.checked)?.value ?? "all";
    const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !(isChosen(row, name) && words.every((word) => text.includes(word)));
      count += row.hidden ? 0 : 1;
    }
    said.textContent = `${count} of ${rows.length} figures${count > lab.forestMost ? `; a plot has the first ${lab.forestMost}` : ""}`;
    follow();
  };
  const follow = () => {
    sized();
    lab.redraw?.(["forest"]);
  };
  for (const input of inputs) input.addEventListener("change", filter);
  wanted.addEventListener("input", filter);
  table.tHead.addEventListener("click", follow); // after the button in it has sorted the rows
  window.addEventListener("resize", sized); // before they are drawn again, which waits for the next frame
  filter();
})();
