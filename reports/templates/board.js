// The sortable table. Every number comes as text from the page's data; this only places it. The view lives in the hash.
(() => {
  "use strict";
  const view = JSON.parse(document.getElementById("view").textContent);
  // A column is stored as lists by what its cells say; null where one does not say it.
  const unfold = (lists) => view.methods.map((_, row) =>
    Object.fromEntries(Object.entries(lists).map(([name, list]) => [name, list[row] ?? undefined])));
  for (const [name, lists] of Object.entries(view.columns)) view.columns[name] = unfold(lists);
  const table = document.getElementById("board");
  const controls = document.getElementById("controls");
  const write = boardCells(view, document.getElementById("gallery") !== null);
  const choices = {
    level: view.levels, region: view.regions, show: Object.keys(view.shown), way: ["", "ascending", "descending"],
    trained: ["", "yes", "no"], mask: ["", "no", "yes"], seeds: ["", "claim"], sanity: ["1", ""], numbers: ["", "1"],
  };
  const start = { ...view.start, find: "", way: "", trained: "", mask: "", seeds: "", sanity: "1", numbers: "" };
  let state = { ...start };

  const place = (metric) => [metric, view.metrics[metric].where[state.region], state.level];
  const cells = (metric) => view.columns[place(metric).join("|")];
  const way = () => state.way || (state.sort && view.metrics[state.sort].up ? "descending" : "ascending");

  function fits(method) {
    const yes = (asked, found) => !asked || (asked === "yes") === found;
    return method.name.toLowerCase().includes(state.find.trim().toLowerCase())
      && yes(state.trained, method.trained) && yes(state.mask, method.oracle)
      && (!state.seeds || !method.trained || method.runs >= 3) && (state.sanity || !method.baseline);
  }

  function order() {
    const column = state.sort ? cells(state.sort) : null;
    const sign = way() === "descending" ? -1 : 1;
    const shown = view.methods.map((_, index) => index).filter((index) => fits(view.methods[index]));
    return shown.sort((a, b) => {
      if (!column) return sign * view.methods[a].name.localeCompare(view.methods[b].name);
      const [x, y] = [column[a].v, column[b].v];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || a - b;
      return sign * (x - y) || a - b;
    });
  }

  function rows(members, columns) {
    const ranks = cells(state.sort || view.start.sort);
    return members.map((index, at) => {
      const same = (step) => {
        const other = members[at + step];
        return other !== undefined && ranks[index].r !== undefined && ranks[other].r === ranks[index].r;
      };
      const tie = same(-1) ? (same(1) ? "middle" : "last") : (same(1) ? "first" : "");
      return write.row(view.methods[index], index, ranks[index], tie, columns);
    });
  }

  function render() {
    const names = view.shown[state.show];
    const columns = names.map((name) => [place(name), cells(name)]);
    const indices = order();
    const head = table.tHead.rows[0];
    const focused = document.activeElement && document.activeElement.dataset.sort;
    const sorted = (name) => (state.sort === name ? way() : "none");
    head.replaceChildren(...[...head.cells].slice(0, 3), ...names.map((name) => write.heading(name, state.region, sorted(name))));
    head.cells[1].setAttribute("aria-sort", sorted(""));
    if (focused) head.querySelector(`[data-sort="${CSS.escape(focused)}"]`)?.focus();
    const [ours, oracles] = [false, true].map((oracle) => indices.filter((index) => view.methods[index].oracle === oracle));
    table.tBodies[0].replaceChildren(...rows(ours, columns));
    table.tBodies[1].replaceChildren(...(oracles.length ? [write.divider(3 + names.length)] : []), ...rows(oracles, columns));
    for (const reason of table.tBodies[2].querySelectorAll(".reason")) reason.colSpan = names.length;
    const kept = (name) => (state.sanity && Object.hasOwn(view.reference, name) ? view.reference[name] : undefined);
    write.foot("truth", names.map(kept), "needs the truth to compare with");
    write.foot("shuffled", names.map((name) => (state.sanity ? view.shuffled[place(name).join("|")] : undefined)), "not scored");
    const small = names.map((name) => view.detectable[place(name).join("|")]);
    write.foot("detectable", small, "not known: needs two methods with intervals", true);
    table.classList.toggle("numbers", Boolean(state.numbers));
    roam();
    tell(indices.length);
  }

  function tell(count) {
    const missing = view.shown[state.show].filter((name) => cells(name).every((it) => it.why !== undefined));
    const said = missing.map((name) => `${name}: ${cells(name)[0].why}.`);
    const names = view.shown[state.show];
    if (state.sort && !names.includes(state.sort)) said.unshift(`Ranked by ${view.metrics[state.sort].label}.`);
    if (state.level !== "all" && view.levels.length) said.unshift(`Level ${state.level}.`);
    if (count < view.methods.length) said.unshift(`${count} of ${view.methods.length} methods; ranks are among all.`);
    document.getElementById("told").textContent = said.join(" ");
  }

  // Numbers are one stop of the Tab key; arrows go on from there.
  function roam(to) {
    const links = [...table.querySelectorAll("a.value")];
    for (const link of links) link.tabIndex = -1;
    const stop = to ?? links[0];
    if (stop) stop.tabIndex = 0;
    to?.focus();
  }

  function show() {
    for (const input of controls.querySelectorAll("input, select")) {
      if (input.type === "radio") input.checked = state[input.name] === input.value;
      else if (input.type === "checkbox") input.checked = Boolean(state[input.id]);
      else if (input.value !== state[input.id]) input.value = state[input.id];
    }
    render();
  }

  function remember() {
    const parts = new URLSearchParams();
    for (const [name, value] of Object.entries(state)) if (value !== start[name]) parts.set(name, value);
    history.replaceState(null, "", `#${parts}`);
  }

  function recall() {
    if (location.hash.length > 1 && !location.hash.includes("=")) return; // a section of the page
    const given = new URLSearchParams(location.hash.slice(1));
    const before = JSON.stringify(state);
    state = { ...start };
    for (const name of Object.keys(start)) if (given.has(name)) state[name] = given.get(name);
    for (const [name, values] of Object.entries(choices)) if (!values.includes(state[name])) state[name] = start[name];
    if (state.sort && !Object.hasOwn(view.metrics, state.sort)) state.sort = start.sort;
    if (JSON.stringify(state) !== before) show();
  }

  function change(part) {
    state = { ...state, ...part };
    show();
    remember();
  }

  controls.addEventListener("input", ({ target }) => {
    if (target.type === "radio") change({ [target.name]: target.value });
    else if (target.id in start) change({ [target.id]: target.type === "checkbox" ? (target.checked ? "1" : "") : target.value });
  });
  table.tHead.addEventListener("click", ({ target }) => {
    const button = target.closest("button");
    if (!button) return;
    const sort = button.dataset.sort;
    const flipped = way() === "descending" ? "ascending" : "descending";
    change(sort === state.sort ? { way: flipped } : { sort, way: "" });
  });
  table.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const link = event.target.closest("a.value");
    if (!step || !link) return;
    const lines = [...table.querySelectorAll("tr")].filter((line) => line.querySelector("a.value"));
    const line = lines[lines.indexOf(link.closest("tr")) + step[0]];
    const to = line?.cells[link.closest("td").cellIndex + step[1]]?.querySelector("a.value");
    if (to) roam(to);
    event.preventDefault();
  });
  addEventListener("hashchange", recall);
  controls.hidden = false;
  roam();
  if (location.hash.includes("=")) recall();
  boardExports(table, view, () => state);
})();
