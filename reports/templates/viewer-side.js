// What stands beside the picture: its name, its own scores in every column, the order with its rule, what is pressed.
const viewerSide = (dialog, gallery, show) => {
  "use strict";
  const part = (name) => document.getElementById(`viewer-${name}`);
  const rows = [];
  let last = ""; // what of the view the list was last painted for

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const options = (select, named) => {
    select.replaceChildren(...named.map(([value, label]) => make("option", { value }, label)));
  };

  const key = (column, index) => {
    if (column.kind === "truth") return "0";
    return index < 9 ? String(index + 1) : "";
  };

  function build() {
    const columns = gallery.columns.map(({ name }, index) => [String(index), name]);
    options(part("with"), columns);
    options(part("order"), gallery.orders.map(({ id, label }) => [id, label]));
    options(part("of"), [["-1", "mean over methods"], ...columns.filter((_, index) => gallery.columns[index].kind !== "truth")]);
    options(part("gain"), viewerAddress.GAINS.map((gain) => [String(gain), `×${gain}`]));
    const heads = gallery.metrics.map(({ label, title }) => make("th", { scope: "col", title }, label));
    part("head").replaceChildren(make("th", { scope: "col" }, "key"), make("th", { scope: "col" }, "picture"), ...heads);
    gallery.columns.forEach((column, index) => {
      const button = make("button", { type: "button" }, column.name);
      if (column.kind === "oracle") button.append(" ", make("small", { class: "mark" }, "oracle"));
      button.addEventListener("click", () => show(index));
      const row = make("tr", {}, make("td", { class: "key" }, key(column, index)), make("th", { scope: "row" }, button));
      row.append(...gallery.metrics.map(() => make("td", { class: "num" })));
      rows.push({ row, button, cells: [...row.cells].slice(2) });
    });
    part("rows").replaceChildren(...rows.map(({ row }) => row));
    part("chosen").textContent = gallery.rule;
  }

  function scores(view, on) {
    const picture = gallery.pictures[view.picture];
    rows.forEach(({ row, button, cells }, index) => {
      button.setAttribute("aria-pressed", String(on.includes(index)));
      row.classList.toggle("on", on.includes(index));
      row.classList.toggle("gone", !picture.src[index]);
      cells.forEach((cell, metric) => {
        const score = picture.scores[index][metric];
        const best = Boolean(score && score[2]);
        cell.replaceChildren(score ? score[0] : "");
        if (best) cell.append(make("span", { class: "unseen" }, " best"));
        cell.classList.toggle("best", best);
      });
    });
    if (view.mode !== "side") reveal(rows[on[on.length - 1]].row);
  }

  function reveal(row) { // within the list; nothing else on the page moves
    const list = part("scores");
    const [head, above, below] = [part("head").offsetHeight, row.offsetTop, row.offsetTop + row.offsetHeight];
    if (above - head < list.scrollTop) list.scrollTop = above - head;
    if (below > list.scrollTop + list.clientHeight) list.scrollTop = below - list.clientHeight;
  }

  function order(view, sequence) {
    const chosen = gallery.orders.find(({ id }) => id === view.order);
    const ranked = chosen.rule.includes("{of}");
    const of = view.of < 0 ? "mean over methods" : gallery.columns[view.of].name;
    part("order").value = view.order;
    part("of").value = String(view.of);
    part("of-label").hidden = !ranked;
    part("rule").textContent = chosen.rule.split("{of}").join(of);
    part("count").textContent = `${sequence.indexOf(view.picture) + 1} / ${sequence.length}`;
  }

  function levels(view) {
    const { image, level } = gallery.pictures[view.picture];
    const named = gallery.pictures.flatMap((each, index) => (each.image === image ? [[String(index), each.level]] : []));
    named.sort((a, b) => a[1].localeCompare(b[1], undefined, { numeric: true }));
    options(part("level"), named);
    part("level").value = String(view.picture);
    part("level-label").hidden = named.length < 2 || !level;
    part("note").textContent = [named.length < 2 ? level : "", gallery.pictures[view.picture].note].filter(Boolean).join(" · ");
  }

  function pressed(view, zoom) {
    const states = {
      flip: view.mode === "flip", wipe: view.mode === "wipe", side: view.mode === "side",
      error: view.error > 0, outline: view.outline, lens: view.lens !== null, fit: view.zoom === 0,
    };
    for (const [name, state] of Object.entries(states)) {
      dialog.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(state));
    }
    dialog.querySelector("[data-do=outline]").disabled = !gallery.pictures[view.picture].outline;
    part("zoom").textContent = zoom >= 1 ? `×${Math.round(zoom * 10) / 10}` : `${Math.round(zoom * 100)} %`;
    part("wiping").hidden = view.mode !== "wipe";
    part("wipe").value = String(view.wipe);
    part("with").value = String(view.with);
    part("gain-label").hidden = part("legend").hidden = view.error === 0;
    if (view.error) error(view.error);
  }

  function error(gain) {
    part("gain").value = String(gain);
    part("most").textContent = `${Math.round(255 / gain)}${gain > 1 ? " or more" : ""}`;
    const share = Math.round(gain / 3 * 1e4) / 1e4;
    const row = `${share} ${share} ${share} 0 0`;
    part("matrix").setAttribute("values", `${row} ${row} ${row} 0 0 0 1 0`);
  }

  function paint(view, { on, sequence, zoom }) {
    pressed(view, zoom);
    const now = [view.picture, view.mode, view.order, view.of, ...on].join();
    if (now === last) return; // it only moved
    last = now;
    const { image } = gallery.pictures[view.picture];
    part("picture").textContent = image;
    levels(view);
    order(view, sequence);
    scores(view, on);
    const names = on.map((index) => gallery.columns[index].name).join(", ");
    part("said").textContent = `${names}; ${image}, ${part("count").textContent}`;
  }

  build();
  part("keys").open = gallery.columns.length < 16 && matchMedia("(min-width: 56rem) and (min-height: 45rem)").matches;
  return { paint };
};
