// The rows and headings of a table, as the templates _cell.html and _table.html write them. Text is only ever text.
const boardCells = (view, pictures) => {
  "use strict";
  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const draw = (tag, attributes, ...children) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const several = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

  // A cell in words; reports/tables/cells.py says the same.
  function words(it, [metric, region], runs) {
    const { unit } = view.metrics[metric];
    const said = [`${metric}${region ? `, ${region}` : ""}: ${it.t}${unit ? ` ${unit}` : ""}`];
    said.push(it.i === undefined ? "no interval" : `95 % interval ${it.i}`);
    said.push((it.n === undefined ? "" : `${several(it.n, "image")}, `) + several(runs, "run"));
    if (it.k > 1) said.push(`shares rank ${it.r} with ${it.k - 1} more`);
    if (it.g) said.push(`${it.g}${it.m === undefined ? "" : ` ± ${it.m}`} against the degraded input`);
    return said.join("; ");
  }

  function whisker(at) {
    const d = `M${at[0]} 4H${at[2]}M${at[0]} 2v4M${at[2]} 2v4`;
    return draw("svg", { class: "whisker", width: 72, height: 8, viewBox: "0 0 72 8", "aria-hidden": "true" },
      draw("path", { d }), draw("circle", { cx: at[1], cy: 4, r: 2.4 }));
  }

  function cell(it, title, href) {
    if (it.why !== undefined) return make("td", { class: "num none", title: it.why }, "–");
    const kind = ["num", it.r === 1 && "best", it.h && `h${it.h}`].filter(Boolean).join(" ");
    const value = href ? make("a", { class: "value picture", href }, it.t) : make("span", { class: "value" }, it.t);
    const element = make("td", { class: kind, title }, value);
    if (it.g !== undefined) element.append(make("span", { class: `gain ${it.gc}` }, it.g));
    if (it.w !== undefined) element.append(whisker(it.w), make("span", { class: "interval" }, it.i));
    return element;
  }

  function placed({ r, s }, tie) {
    const title = s && `95 % interval of its rank: ${s[0]} to ${s[1]}`;
    const element = make("td", { class: `rank ${tie}`, title }, r === undefined ? "–" : String(r));
    if (s && s[0] < s[1]) element.append(make("small", { class: "span" }, `(${s[0]}–${s[1]})`));
    return element;
  }

  // A method's row. columns: per metric its place, [metric, region, level], and its cells.
  function row(method, index, ranked, tie, columns) {
    const marks = method.marks.flatMap(([word, why]) => [" ", make("span", { class: "mark", title: why }, word)]);
    const level = columns[0][0][2] === "all" ? {} : { "v.level": columns[0][0][2] };
    const asked = { "v.order": "worst", "v.of": method.pictures, "v.show": method.pictures, ...level };
    const href = pictures && `#${new URLSearchParams(asked)}`;
    return make("tr", {},
      placed(ranked, tie),
      make("th", { scope: "row", class: "method" }, make("a", { href: method.page }, method.name), ...marks),
      make("td", { class: "num seeds" }, method.seeds),
      ...columns.map(([place, cells]) => cell(cells[index], words(cells[index], place, method.runs), href)));
  }

  function heading(name, region, sorted) {
    const metric = view.metrics[name];
    const where = (metric.regional ? metric.where[region] : "") || "\u00a0";
    const button = make("button", { type: "button", "data-sort": name, title: metric.title },
      `${metric.label} ${metric.arrow}`, make("small", {}, where + (metric.unit ? ` ${metric.unit}` : "")));
    return make("th", { class: "num", scope: "col", "aria-sort": sorted }, button);
  }

  const divider = (width) => make("tr", { class: "divider" },
    make("th", { scope: "rowgroup", colspan: width }, "oracle: told where the damage is, ranked apart"));

  // Refill a row of the foot; hidden when none of its cells is known and `always` is not said.
  function foot(id, cells, missing, always) {
    const line = document.getElementById(id);
    line.hidden = !always && cells.every((it) => it === undefined);
    line.replaceChildren(...[...line.cells].slice(0, 3), ...cells.map((it) => cell(it ?? { why: missing }, it?.title)));
  }

  return { row, heading, divider, foot };
};
