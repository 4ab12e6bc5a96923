// The sortable table. Every number comes as text from the page's data; this only places it. The view lives in the hash.
(() => {
  "use strict";
  const view = JSON.parse(document.getElementById("view").textContent);
  const table = document.getElementById("board");
  const controls = document.getElementById("controls");
  const search = document.getElementById("search");
  const start = { ...view.start, way: "", find: "", oracle: "1", numbers: "" };
  let state = { ...start };

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

  const cells = (metric) => {
    const where = view.metrics[metric].where[state.region];
    return view.columns[[metric, where, state.level].join("|")];
  };
  const ranking = () => cells(state.sort || view.start.sort);
  const defaultWay = (metric) => (metric && view.metrics[metric].up ? "descending" : "ascending");
  const way = () => state.way || defaultWay(state.sort);

  function order() {
    const column = state.sort ? cells(state.sort) : null;
    const sign = way() === "descending" ? -1 : 1;
    const find = state.find.trim().toLowerCase();
    const all = view.methods.map((_, index) => index);
    const shown = all.filter((index) => view.methods[index].name.toLowerCase().includes(find)
      && (state.oracle || !view.methods[index].oracle));
    return shown.sort((a, b) => {
      if (!column) return sign * view.methods[a].name.localeCompare(view.methods[b].name);
      const [x, y] = [column[a].v, column[b].v];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || a - b;
      return sign * (x - y) || a - b;
    });
  }

  function whisker(at) {
    const d = `M${at[0]} 4H${at[2]}M${at[0]} 2v4M${at[2]} 2v4`;
    return draw("svg", { class: "whisker", width: 72, height: 8, viewBox: "0 0 72 8", "aria-hidden": "true" },
      draw("path", { d }), draw("circle", { cx: at[1], cy: 4, r: 2.4 }));
  }

  function cell(it) {
    if (it.why !== undefined) return make("td", { class: "num none", title: it.why }, "–");
    const element = make("td", { class: it.r === 1 ? "num best" : "num", title: it.title },
      make("span", { class: "value" }, it.t));
    if (it.g !== undefined) element.append(make("span", { class: `gain ${it.gc}` }, it.g));
    if (it.w !== undefined) element.append(whisker(it.w), make("span", { class: "interval" }, it.i));
    return element;
  }

  function row(index, before, after, columns) {
    const method = view.methods[index];
    const ranks = ranking();
    const rank = ranks[index].r;
    const same = (other) => other !== undefined && rank !== undefined && ranks[other].r === rank;
    const tie = same(before) ? (same(after) ? "middle" : "last") : (same(after) ? "first" : "");
    const marks = method.marks.flatMap(([word, why]) => [" ", make("span", { class: "mark", title: why }, word)]);
    return make("tr", {},
      make("td", { class: `rank ${tie}` }, rank === undefined ? "–" : String(rank)),
      make("th", { scope: "row", class: "method" }, method.name, ...marks),
      make("td", { class: "num seeds" }, method.seeds),
      ...columns.map((column) => cell(column[index])));
  }

  function heading(name) {
    const metric = view.metrics[name];
    const region = (metric.regional ? metric.where[state.region] : "") || "\u00a0";
    const button = make("button", { type: "button", "data-sort": name, title: metric.title },
      `${metric.label} ${metric.arrow}`, make("small", {}, region + (metric.unit ? ` ${metric.unit}` : "")));
    return make("th", { class: "num", scope: "col", "aria-sort": state.sort === name ? way() : "none" }, button);
  }

  function render() {
    const names = view.shown[state.show];
    const columns = names.map(cells);
    const indices = order();
    const head = table.tHead.rows[0];
    const focused = document.activeElement && document.activeElement.dataset.sort;
    head.replaceChildren(...[...head.cells].slice(0, 3), ...names.map(heading));
    head.cells[1].setAttribute("aria-sort", state.sort === "" ? way() : "none");
    if (focused) head.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
    const groups = [false, true].map((oracle) => indices.filter((index) => view.methods[index].oracle === oracle));
    groups.forEach((members, at) => {
      const rows = members.map((index, place) => row(index, members[place - 1], members[place + 1], columns));
      const title = "oracle: told where the damage is, ranked apart";
      if (at === 1 && rows.length) {
        rows.unshift(make("tr", { class: "divider" }, make("th", { colspan: 3 + names.length }, title)));
      }
      table.tBodies[at].replaceChildren(...rows);
    });
    if (table.tFoot) {
      const known = view.reference, foot = table.tFoot.rows[0], why = "needs the truth to compare with";
      table.tFoot.hidden = !names.some((name) => Object.hasOwn(known, name));
      foot.replaceChildren(...[...foot.cells].slice(0, 3),
        ...names.map((name) => cell(Object.hasOwn(known, name) ? known[name] : { why })));
    }
    table.classList.toggle("numbers", Boolean(state.numbers));
    tell(indices.length);
  }

  function tell(count) {
    const missing = view.shown[state.show].filter((name) => cells(name).every((it) => it.why !== undefined));
    const said = missing.map((name) => `${name}: ${cells(name)[0].why}.`);
    const names = view.shown[state.show];
    if (state.sort && !names.includes(state.sort)) said.unshift(`Ranked by ${view.metrics[state.sort].label}.`);
    if (state.level !== "all" && view.levels.length) said.unshift(`Level ${state.level}.`);
    if (count < view.methods.length) said.unshift(`${count} of ${view.methods.length} methods.`);
    document.getElementById("told").textContent = said.join(" ");
  }

  function show() {
    for (const radio of controls.querySelectorAll("input[type=radio]")) radio.checked = state[radio.name] === radio.value;
    for (const name of ["oracle", "numbers"]) {
      const box = document.getElementById(name);
      if (box) box.checked = Boolean(state[name]);
    }
    if (search.value !== state.find) search.value = state.find;
    render();
  }

  function remember() {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== start[name]) parts.set(name, value);
    history.replaceState(null, "", `#${parts}`);
  }

  function recall() {
    if (location.hash.length > 1 && !location.hash.includes("=")) return; // a section of the page
    const known = { level: view.levels, region: view.regions, show: Object.keys(view.shown) };
    const given = new URLSearchParams(location.hash.slice(1));
    state = { ...start };
    for (const name of Object.keys(start)) if (given.has(name)) state[name] = given.get(name);
    for (const [name, values] of Object.entries(known)) if (!values.includes(state[name])) state[name] = start[name];
    if (state.sort && !Object.hasOwn(view.metrics, state.sort)) state.sort = start.sort;
    if (!["ascending", "descending"].includes(state.way)) state.way = "";
    show();
  }

  function change(part) {
    state = { ...state, ...part };
    show();
    remember();
  }

  controls.addEventListener("change", ({ target }) => {
    if (target.type === "radio") change({ [target.name]: target.value });
    if (target.type === "checkbox") change({ [target.id]: target.checked ? "1" : "" });
  });
  search.addEventListener("input", () => change({ find: search.value }));
  table.tHead.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const sort = button.dataset.sort;
    const flipped = way() === "descending" ? "ascending" : "descending";
    change(sort === state.sort ? { way: flipped } : { sort, way: "" });
  });
  addEventListener("hashchange", recall);
  controls.hidden = false;
  if (location.hash.includes("=")) recall();
})();
