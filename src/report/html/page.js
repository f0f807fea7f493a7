// Filters what the page lists, and draws a conversation when its case is opened. Text goes into the page as text alone: nothing here parses HTML.
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);
  const fill = (element, attributes, children) => {
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  // Filters. The words of an item are read once, when they are first asked for.
  const filter = (items, output, noun, inputs, fits) => {
    const kept = new Map();
    const read = (item) => [item.querySelector("summary"), ...all(".finding", item)].map((part) => part.textContent).join(" ").toLowerCase();
    const words = (item) => {
      if (!kept.has(item)) kept.set(item, read(item));
      return kept.get(item);
    };
    const apply = () => {
      const test = fits();
      let shown = 0;
      for (const item of items) {
        const is = test(item, words);
        if (item.hidden === is) item.hidden = !is;
        shown += is;
      }
      output.textContent = `${shown} of ${items.length} ${noun}`;
      return shown;
    };
    for (const input of inputs) input.addEventListener("input", apply);
    apply();
    return apply;
  };
  const searched = (input) => {
    const wanted = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    return (item, words) => !wanted.length || wanted.every((word) => words(item).includes(word));
  };

  for (const filters of all(".filters")) filters.hidden = false;

  const cases = all("details.case");
  const caseSearch = byId("case-search");
  const verdicts = all("input[name=verdict]");
  const side = byId("case-side");
  const filterCases = filter(cases, byId("cases-shown"), "cases", [caseSearch, ...verdicts, ...(side ? [side] : [])], () => {
    const wanted = new Set(verdicts.filter((box) => box.checked).map((box) => box.value));
    const has = searched(caseSearch);
    const of = side ? side.value : "";
    return (item, words) => wanted.has(item.dataset.verdict) && (!of || item.dataset.side === of) && has(item, words);
  });
  const sayNothing = () => { byId("nothing").hidden = !cases.length || cases.some((item) => !item.hidden); };
  for (const input of [caseSearch, ...verdicts, ...(side ? [side] : [])]) input.addEventListener("input", sayNothing);

  const requirements = all("details.requirement");
  const requirementSearch = byId("requirement-search");
  const outcome = byId("requirement-outcome");
  const level = byId("requirement-level");
  const filterRequirements = filter(requirements, byId("requirements-shown"), "requirements", [requirementSearch, outcome, level], () => {
    const has = searched(requirementSearch);
    return (item, words) => (!outcome.value || item.dataset.outcome === outcome.value)
      && (!level.value || item.dataset.level === level.value) && has(item, words);
  });

  // A link to a case or requirement opens it, and takes the filters away if they hide it.
  const follow = () => {
    const target = location.hash.length > 1 && byId(decodeURIComponent(location.hash.slice(1)));
    if (!target || target.tagName !== "DETAILS") return;
    if (target.hidden) {
      for (const input of [caseSearch, requirementSearch, outcome, level, side]) if (input) input.value = "";
      for (const box of verdicts) box.checked = true;
      filterCases();
      filterRequirements();
      sayNothing();
    }
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus({ preventScroll: true });
  };
  addEventListener("hashchange", follow);

  desk(caseSearch);

  // The picture of a conversation: two lanes, the client's left, and a row for each event.
  const WIDE = 640;
  const ROW = 32;
  const LINE = 16;

  const wrap = (text, columns) => {
    const lines = [];
    let rest = text;
    while (rest.length > columns) {
      const blank = rest.lastIndexOf(" ", columns);
      const end = blank > columns / 2 ? blank : columns;
      lines.push(rest.slice(0, end));
      rest = rest.slice(end).trimStart();
    }
    return [...lines, rest];
  };
  const fit = (text, columns) => (text.length > columns ? `${text.slice(0, Math.max(0, columns - 1))}…` : text);

  const letter = () => {
    const probe = draw("text", {}, "0".repeat(40));
    const svg = draw("svg", { class: "picture", height: 1 }, probe);
    document.body.append(svg);
    const width = probe.getComputedTextLength() / 40;
    svg.remove();
    return width || 7.3;
  };

  const picture = (data, width) => {
    const size = letter();
    const wide = width >= WIDE;
    const left = wide ? 96 : 8;
    const right = width - 8;
    const inner = right - left;
    const svg = draw("svg", { class: "picture", role: "img", width });
    const washes = draw("g", {});
    const lanes = draw("g", {});
    svg.append(washes, lanes);
    let y = 18;
    const name = (role) => (role === data.side ? `${role} under test` : role);
    svg.append(draw("text", { class: "head", x: left - (wide ? 4 : 6), y: 12 }, name("client")));
    svg.append(draw("text", { class: "head", x: right + 6, y: 12, "text-anchor": "end" }, name("server")));
    const top = y + 4;

    const callout = (finding) => {
      const columns = Math.floor((inner - 40) / size);
      const part = (key, text) => wrap(`${key} ${text}`, columns).slice(0, 8).map((line, index) => [index ? "" : key, line]);
      const lines = [["", fit(finding.requirement, columns)], ...part("expected", finding.expected), ...part("actual", finding.actual)];
      const group = draw("g", { class: "callout" });
      group.append(draw("rect", { x: left + 12, y: y + 2, width: inner - 24, height: lines.length * LINE + 8, rx: 4 }));
      lines.forEach(([key, line], index) => {
        const text = draw("text", { x: left + 20, y: y + 16 + index * LINE });
        if (key) text.append(draw("tspan", { class: "key" }, key), line.slice(key.length));
        else text.append(line);
        if (index === 0) text.setAttribute("class", "key");
        group.append(text);
      });
      svg.append(group);
      y += lines.length * LINE + 16;
    };

    let closing = false;
    for (const row of data.rows) {
      const group = draw("g", { class: row.decides ? "row deciding" : "row" });
      const begin = y;
      const prefix = (data.numbered && row.connection ? `#${row.connection} ` : "") + (wide || !row.at ? "" : `${row.at} `);
      const columns = Math.floor((inner - 24) / size);
      const shown = fit(prefix + row.label, columns);
      const title = draw("title", {}, `${row.event === undefined ? "" : `event ${row.event}, ${row.at}: `}${row.label}`);
      group.append(title);
      if (wide && row.at) group.append(draw("text", { class: "quiet", x: left - 14, y: y + 18, "text-anchor": "end" }, row.at));
      if (row.kind === "pause" || row.kind === "note") {
        const middle = left + inner / 2;
        group.append(draw("line", { class: "pause", x1: left + 10, x2: right - 10, y1: y + 22, y2: y + 22 }));
        group.append(draw("text", { class: "quiet", x: middle, y: y + 17, "text-anchor": "middle" }, shown));
      } else {
        const fromClient = row.from === "client";
        const at = fromClient ? left : right;
        const to = fromClient ? right : left;
        const step = fromClient ? -8 : 8;
        group.append(draw("text", { x: fromClient ? left + 12 : right - 12, y: y + 16, "text-anchor": fromClient ? "start" : "end" }, shown));
        const reach = row.kind === "end" ? at - step * 5 : to;
        group.append(draw("line", { class: "shaft", x1: at, x2: reach + (row.kind === "end" ? 0 : step), y1: y + 24, y2: y + 24 }));
        if (row.kind === "end") group.append(draw("line", { class: "end", x1: reach, x2: reach, y1: y + 18, y2: y + 30 }));
        else group.append(draw("polygon", { class: "tip", points: `${to},${y + 24} ${to + step},${y + 19} ${to + step},${y + 29}` }));
      }
      svg.append(group);
      y += ROW;
      for (const finding of row.decides || []) callout(data.findings[finding]);
      if (row.closing) {
        washes.append(draw("rect", { class: "wash", x: left, y: begin + 2, width: inner, height: y - begin }));
        if (!closing && wide) svg.append(draw("text", { class: "quiet", x: left - 14, y: begin + 32, "text-anchor": "end" }, "closing"));
      }
      closing = Boolean(row.closing);
    }
    for (const finding of data.findings) if (!finding.placed) callout(finding);
    if (!data.rows.length) {
      svg.append(draw("text", { class: "quiet", x: left + 12, y: y + 16 }, "nothing was said"));
      y += ROW;
    }
    for (const x of [left, right]) lanes.append(draw("line", { class: "lane", x1: x, x2: x, y1: top, y2: y + 4 }));
    svg.setAttribute("height", y + 12);
    svg.setAttribute("viewBox", `0 0 ${width} ${y + 12}`);
    svg.setAttribute("aria-label", `The conversation: ${data.rows.length} rows. The list of raw events below says the same in words.`);
    return svg;
  };

  const raw = (data) => {
    const list = make("div", { class: "raw" });
    const deciding = new Set(data.rows.filter((row) => row.decides).map((row) => row.event));
    const rows = new Map(data.rows.map((row) => [row.event, row]));
    for (const one of data.raw) {
      const row = rows.get(one.event);
      const about = `event ${one.event}, ${row.at}, ${row.from}${row.connection ? `, connection ${row.connection}` : ""}`;
      const entry = make("div", deciding.has(one.event) ? { class: "deciding" } : {});
      entry.append(make("div", { class: "faint" }, about), make("pre", {}, one.head));
      if (one.body) entry.append(make("pre", { tabindex: "0" }, one.body));
      if (one.cut) entry.append(make("div", { class: "faint" }, `${one.cut} more bytes are in the transcript`));
      list.append(entry);
    }
    return list;
  };

  const lazily = (title, render) => {
    const details = make("details", {}, make("summary", {}, title));
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(render());
    });
    return details;
  };

  const outcomes = (data) => {
    const list = make("ul", {});
    for (const [id, outcome, anchor] of data.outcomes) {
      const code = make("code", {}, id);
      list.append(make("li", {}, anchor === null ? code : make("a", { href: `#requirement-${anchor}` }, code), ` ${outcome}`));
    }
    return list;
  };

  const open = (item) => {
    const place = item.querySelector(".drawn");
    if (place.childElementCount) return;
    const data = JSON.parse(item.querySelector("script").textContent);
    const shown = make("div", {});
    place.append(shown);
    let width = 0;
    const redraw = () => {
      const now = Math.floor(shown.clientWidth);
      if (now && now !== width) {
        width = now;
        shown.replaceChildren(picture(data, width));
      }
    };
    redraw();
    new ResizeObserver(() => requestAnimationFrame(redraw)).observe(shown);
    if (data.raw.length) place.append(lazily(`Raw events (${data.raw.length})`, () => raw(data)));
    if (data.outcomes.length) place.append(lazily(`Requirements it says something about (${data.outcomes.length})`, () => outcomes(data)));
  };
  for (const item of cases) item.addEventListener("toggle", () => { if (item.open) open(item); });

  follow();
})();
