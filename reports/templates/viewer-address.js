// A view of the pictures as part of the address, under names that begin with "v.", so that a link restores all of it.
// What an address does not say stands as in `first`; what makes no sense there is as if it had not been said.
const viewerAddress = (() => {
  "use strict";
  const first = {
    picture: 0, // index of a picture, as shown, with, of and panes are indices of columns
    show: 0, with: 0, panes: [], // panes: side by side; none chosen: with, show and truth
    mode: "flip", // flip, wipe or side
    zoom: 0, x: null, y: null, // screen px per pixel, 0: what fits; the picture's point in the middle, null: its own
    wipe: 50, // percent of the picture's width
    error: 0, // the error map's gain, 0: none
    outline: false,
    lens: null, // [x, y], the picture's point under the magnifier
    order: "", of: -1, // -1: the mean over methods
  };
  const MODES = ["flip", "wipe", "side"];
  const GAINS = [1, 2, 4, 8, 16];
  const LEAST = 0.1, MOST = 64; // zoom

  const finite = (text, low, high) => {
    const value = text === null || text.trim() === "" ? NaN : Number(text);
    return value >= low && value <= high ? value : null;
  };

  // The pictures in the order of a view: given, or by one column's first score, or by its mean over the methods.
  function sequence(gallery, view) {
    const order = gallery.orders.find((each) => each.id === view.order) ?? gallery.orders[0];
    if (order.at) return order.at;
    const methods = gallery.columns.flatMap((column, index) => (column.kind === "method" ? [index] : []));
    const columns = view.of >= 0 ? [view.of] : methods;
    const sign = gallery.metrics.length && gallery.metrics[0].up ? -1 : 1;
    const values = gallery.pictures.map(({ scores }) => {
      const known = columns.map((index) => scores[index][0]?.[1] ?? null).filter((value) => value !== null);
      return known.length ? sign * known.reduce((sum, value) => sum + value, 0) / known.length : null;
    });
    const sorted = values.filter((value) => value !== null).sort((a, b) => a - b);
    const half = sorted.length / 2;
    const median = (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
    const ranks = { best: (value) => value, worst: (value) => -value, median: (value) => Math.abs(value - median) };
    const rank = Object.hasOwn(ranks, order.id) ? ranks[order.id] : () => 0;
    return values.map((_, index) => index).sort((a, b) => {
      if (values[a] === null || values[b] === null) return (values[a] === null) - (values[b] === null) || a - b;
      return rank(values[a]) - rank(values[b]) || a - b;
    });
  }

  // What stands at the start: the best method with the degraded picture to compare with.
  function start(gallery, picture) {
    const { columns } = gallery;
    const show = columns.findIndex(({ kind }, index) => kind === "method" && gallery.pictures[picture].src[index]);
    return { ...first, picture, show: Math.max(0, show), order: gallery.orders[0].id };
  }

  function pictureOf(given, gallery, view) {
    const [image, level] = ["v.image", "v.level"].map((name) => given.get(name));
    const fits = (index) => (image === null || gallery.pictures[index].image === image)
      && (level === null || gallery.pictures[index].level === level);
    return sequence(gallery, view).find(fits) ?? -1;
  }

  // The view of an address, or null where it names no picture of this page.
  function read(hash, gallery) {
    const given = new URLSearchParams(hash.slice(1));
    if (!given.has("v.image") && !given.has("v.order")) return null;
    const column = (id, otherwise) => {
      const found = gallery.columns.findIndex((each) => each.id === id);
      return found >= 0 ? found : otherwise;
    };
    const known = gallery.orders.some(({ id }) => id === given.get("v.order"));
    const sorted = { order: known ? given.get("v.order") : gallery.orders[0].id, of: column(given.get("v.of"), -1) };
    const picture = pictureOf(given, gallery, sorted);
    if (picture < 0) return null;
    const usual = start(gallery, picture);
    const lens = (given.get("v.lens") ?? "").split(" ").map((text) => finite(text, -1e5, 1e5));
    return {
      ...usual, ...sorted,
      show: column(given.get("v.show"), usual.show),
      with: column(given.get("v.with"), usual.with),
      panes: [...new Set(given.getAll("v.pane").map((id) => column(id, -1)))].filter((index) => index >= 0),
      mode: MODES.includes(given.get("v.mode")) ? given.get("v.mode") : first.mode,
      zoom: finite(given.get("v.zoom"), LEAST, MOST) ?? first.zoom,
      x: finite(given.get("v.x"), 0, 1e5), y: finite(given.get("v.y"), 0, 1e5),
      wipe: finite(given.get("v.wipe"), 0, 100) ?? first.wipe,
      error: GAINS.find((gain) => String(gain) === given.get("v.error")) ?? first.error,
      outline: given.get("v.outline") === "1",
      lens: lens.length === 2 && !lens.includes(null) ? lens : null,
    };
  }

  // The address of a view (null: none), with all that the rest of the page keeps there.
  function write(view, gallery, hash) {
    const parts = new URLSearchParams(hash.includes("=") ? hash.slice(1) : "");
    for (const name of [...parts.keys()]) if (name.startsWith("v.")) parts.delete(name);
    if (view) for (const [name, value] of said(view, gallery)) parts.append(`v.${name}`, value);
    return `#${parts}`;
  }

  function said(view, gallery) {
    const id = (index) => gallery.columns[index].id;
    const round = (value) => String(Math.round(value * 100) / 100);
    const { image, level } = gallery.pictures[view.picture];
    const usual = start(gallery, view.picture);
    const found = [["image", image], ["level", level], ["show", id(view.show)]];
    if (view.with !== usual.with) found.push(["with", id(view.with)]);
    for (const pane of view.panes) found.push(["pane", id(pane)]);
    if (view.of >= 0) found.push(["of", id(view.of)]);
    for (const name of ["mode", "order", "error"]) if (view[name] !== usual[name]) found.push([name, view[name]]);
    for (const name of ["zoom", "x", "y", "wipe"]) {
      if (view[name] !== usual[name]) found.push([name, round(view[name])]);
    }
    if (view.outline) found.push(["outline", "1"]);
    if (view.lens) found.push(["lens", view.lens.map(round).join(" ")]);
    return found;
  }

  return { start, sequence, read, write, GAINS, LEAST, MOST };
})();
