// Says what a cell means when it is pointed at or walked to, and chooses what is shown. Text goes into the page as text alone.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const title = (element) => (element ? element.querySelector(":scope > title").textContent : "");

  for (const filters of all(".filters")) filters.hidden = false;

  // What is pointed at, in words: the row, the column, and what they have to do with each other.
  const told = byId("told");
  const tell = (element) => {
    const line = element && element.closest ? element.closest("g.line") : null;
    const head = element && element.closest ? element.closest(".heads text") : null;
    if (!line && !head) return;
    const parts = head ? [title(head)] : [title(line)];
    const cell = line && element.closest("g.cell");
    if (cell) {
      const heads = cell.ownerSVGElement.querySelectorAll(".heads text");
      parts.push(title(heads[Number(cell.dataset.column)]), title(cell));
    }
    told.textContent = parts.filter(Boolean).join("\n");
    told.hidden = false;
  };
  for (const svg of all("svg.grid")) {
    svg.addEventListener("pointerover", (event) => tell(event.target));
    svg.addEventListener("focusin", (event) => tell(event.target));
  }
  addEventListener("keydown", (event) => {
    if (event.key === "Escape") told.hidden = true;
  });

  // One cell of each picture can be reached by tab; the arrows lead from it to the others.
  const cells = (line) => all(":scope > g.cell", line);
  const near = (line, column) => {
    let best = null;
    for (const cell of cells(line)) {
      if (!best || Math.abs(cell.dataset.column - column) < Math.abs(best.dataset.column - column)) best = cell;
    }
    return best;
  };
  const lineFrom = (line, step) => {
    let next = line;
    do next = step > 0 ? next.nextElementSibling : next.previousElementSibling;
    while (next && !(next.matches("g.line") && next.querySelector("g.cell")));
    return next;
  };
  const steps = {
    ArrowRight: (line, cell) => cells(line)[cells(line).indexOf(cell) + 1],
    ArrowLeft: (line, cell) => cells(line)[cells(line).indexOf(cell) - 1],
    ArrowDown: (line, cell) => { const next = lineFrom(line, 1); return next && near(next, cell.dataset.column); },
    ArrowUp: (line, cell) => { const next = lineFrom(line, -1); return next && near(next, cell.dataset.column); },
    Home: (line) => cells(line)[0],
    End: (line) => cells(line).at(-1),
  };
  for (const svg of all("svg.grid")) {
    const first = svg.querySelector("g.cell");
    if (first) first.setAttribute("tabindex", "0");
    svg.addEventListener("keydown", (event) => {
      const cell = event.target.closest("g.cell");
      const step = steps[event.key];
      if (!cell || !step) return;
      event.preventDefault();
      const next = step(cell.parentNode, cell);
      if (!next) return;
      cell.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  }

  // Filters.
  const part = byId("part");
  const search = byId("search");
  const words = all("input[name=word]");
  const parts = all("section.part");
  const entries = all("details.entry");
  const lines = all("svg.grid g.line");
  const texts = new Map();
  const text = (element) => {
    if (!texts.has(element)) texts.set(element, element.textContent.toLowerCase());
    return texts.get(element);
  };
  const apply = () => {
    const chosen = part ? part.value : "";
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kinds = new Set(words.filter((box) => box.checked).map((box) => box.value));
    const fits = (element) => wanted.every((word) => text(element).includes(word));
    for (const one of parts) one.hidden = chosen !== "" && one.dataset.part !== chosen;
    let found = 0;
    for (const line of lines) {
      const is = wanted.length === 0 || fits(line);
      line.classList.toggle("dim", !is);
      if (is && !line.closest("section").hidden) found += 1;
    }
    let shown = 0;
    for (const entry of entries) {
      const is = (chosen === "" || entry.dataset.part === chosen) && kinds.has(entry.dataset.word) && fits(entry);
      entry.hidden = !is;
      shown += is;
    }
    byId("found").textContent = `${found} of ${lines.length} rows`;
    byId("shown").textContent = `${shown} of ${entries.length}`;
    byId("nothing").hidden = shown > 0;
  };
  for (const input of [search, ...words, ...(part ? [part] : [])]) input.addEventListener("input", apply);
  apply();

  desk(search);
})();
