// Flame graphs: unpacked when they are opened, each in a frame of its own, where its names and keys are its own.
"use strict";
(() => {
  const unpacked = async (packed) => {
    const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
    return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  };
  const themed = (svg) =>
    svg.replace("(prefers-color-scheme: dark)", lab.theme.current() === "dark" ? "all" : "not all");
  const shown = new Map();
  const fill = (frame, svg) => {
    const height = Number(svg.match(/<svg [^>]*height="(\d+)"/)?.[1] ?? 400);
    frame.height = String(height);
    frame.srcdoc = `<!doctype html><meta charset="utf-8"><style>body{margin:0}svg{display:block}</style>${themed(svg)}`;
  };
  document.querySelectorAll("details.flame").forEach((details) =>
    details.addEventListener("toggle", async () => {
      const box = details.querySelector("[data-packed]");
      if (!details.open || !box || shown.has(box)) return;
      const frame = Object.assign(document.createElement("iframe"), { title: `Flame graph: ${details.dataset.title}` });
      shown.set(box, null);
      const svg = await unpacked(box.dataset.packed);
      shown.set(box, [frame, svg]);
      fill(frame, svg);
      box.append(frame);
    }),
  );
  lab.theme.onChange(() => {
    for (const pair of shown.values()) if (pair) fill(...pair);
  });
})();
