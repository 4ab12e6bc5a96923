// The picture viewer: keys, buttons and pointers change one view, which is painted and put into the address.
(() => {
  "use strict";
  const gallery = JSON.parse(document.getElementById("gallery").textContent);
  const dialog = document.getElementById("viewer");
  const stage = document.getElementById("viewer-stage");
  const part = (name) => document.getElementById(`viewer-${name}`);
  const truth = gallery.columns.findIndex(({ kind }) => kind === "truth");
  const STEPS = [.25, .5, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64];
  const panes = viewerPanes(stage, gallery);
  const side = viewerSide(dialog, gallery, (index) => pick(index));
  let view = viewerAddress.start(gallery, 0);
  let sequence = [];
  let held = []; // pictures of this view, so that flipping does not wait
  let opener = null;
  let gain = 4;
  let writing = 0;

  function paint() {
    const { zoom } = panes.paint(view);
    side.paint(view, { on: panes.columnsOf(view).flat(), sequence, zoom });
  }

  function remember() { // browsers refuse more than a few changes of the address a second
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", viewerAddress.write(view, gallery, location.hash)), 300);
  }

  function change(parts) {
    const moved = "picture" in parts && parts.picture !== view.picture;
    view = { ...view, ...parts };
    if (view.error) gain = view.error;
    if (moved) hold();
    paint();
    remember();
  }

  function hold() {
    held = gallery.pictures[view.picture].src.filter(Boolean).map((src) => Object.assign(new Image(), { src }));
  }

  function open(wanted, by) {
    view = wanted;
    opener = by ?? opener;
    if (!dialog.open) dialog.showModal();
    document.documentElement.classList.add("viewing");
    sequence = viewerAddress.sequence(gallery, view);
    hold();
    paint();
    stage.focus({ preventScroll: true });
    remember();
  }

  function step(by) {
    const at = sequence.indexOf(view.picture);
    change({ picture: sequence[(at + by + sequence.length) % sequence.length] });
  }

  function sort(parts) {
    sequence = viewerAddress.sequence(gallery, { ...view, ...parts });
    change({ ...parts, picture: sequence[0] });
  }

  // A column by key or click: shown alone or over the other; side by side it comes and goes.
  function pick(index) {
    if (index < 0 || index >= gallery.columns.length) return;
    if (view.mode !== "side") return change({ show: index });
    const now = panes.sideBySide(view);
    const next = now.includes(index) ? now.filter((each) => each !== index) : [...now, index];
    if (next.length) change({ panes: next.sort((a, b) => a - b) });
  }

  function flip(by) {
    change({ show: (view.show + by + gallery.columns.length) % gallery.columns.length, panes: [] });
  }

  // Zoom by steps; the picture's point `at` stays where it is.
  function zoom(by, at) {
    const now = panes.look(view);
    const further = by > 0 ? STEPS.find((each) => each > now.zoom * 1.001) : STEPS.findLast((each) => each < now.zoom * .999);
    if (!further) return;
    const { x, y } = at ?? now;
    const share = now.zoom / further;
    change({ zoom: further, x: x + (now.x - x) * share, y: y + (now.y - y) * share });
    settle();
  }

  function settle() { // what was asked for beyond the edges is forgotten
    const { x, y } = panes.look(view);
    view = { ...view, x, y };
  }

  function pan(right, down) {
    const now = panes.look(view);
    const reach = .125 / now.zoom;
    const [dx, dy] = [right * now.width * reach, down * now.height * reach];
    if (view.lens) return lens(view.lens[0] + dx / 2, view.lens[1] + dy / 2);
    change({ x: now.x + dx, y: now.y + dy });
    settle();
  }

  function lens(x, y) {
    const { width, height } = gallery.pictures[view.picture];
    change({ lens: [Math.min(width, Math.max(0, x)), Math.min(height, Math.max(0, y))] });
  }

  async function copy() {
    const address = new URL(viewerAddress.write(view, gallery, location.hash), location.href).href;
    const field = part("link");
    try {
      await navigator.clipboard.writeText(address);
      part("said").textContent = part("copied").textContent = "link copied";
    } catch { // not allowed here: offer it for copying by hand
      field.hidden = false;
      field.value = address;
      field.select();
    }
  }

  const actions = {
    previous: () => step(-1), next: () => step(1),
    flip: () => change({ mode: "flip" }), wipe: () => change({ mode: "wipe" }), side: () => change({ mode: "side" }),
    error: () => truth >= 0 && change({ error: view.error ? 0 : gain }),
    outline: () => change({ outline: !view.outline }),
    lens: () => change({ lens: view.lens ? null : (({ x, y }) => [x, y])(panes.look(view)) }),
    smaller: () => zoom(-1), larger: () => zoom(1), fit: () => change({ zoom: 0, x: null, y: null }),
    copy, close: () => dialog.close(),
    help: () => { part("keys").open = !part("keys").open; if (part("keys").open) part("keys").scrollIntoView(); },
  };
  const keys = {
    ArrowLeft: actions.previous, ArrowRight: actions.next, ArrowUp: () => flip(-1), ArrowDown: () => flip(1),
    f: actions.flip, w: actions.wipe, s: actions.side, e: actions.error, m: actions.outline, z: actions.lens,
    c: actions.copy, "?": actions.help, "+": actions.larger, "=": actions.larger, "-": actions.smaller, Home: actions.fit,
    ",": () => change({ wipe: Math.max(0, view.wipe - 5) }), ".": () => change({ wipe: Math.min(100, view.wipe + 5) }),
    0: () => pick(truth),
  };
  const shifted = {
    ArrowLeft: () => pan(-1, 0), ArrowRight: () => pan(1, 0), ArrowUp: () => pan(0, -1), ArrowDown: () => pan(0, 1),
  };

  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input[readonly]")) return;
    if (event.target.matches("select, input") && !/^[0-9a-z,.?]$/.test(event.key)) return; // theirs
    if (event.shiftKey && Object.hasOwn(shifted, event.key)) shifted[event.key]();
    else if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else if (/^[1-9]$/.test(event.key) && Number(event.key) - 1 !== truth) pick(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
  });
  part("wipe").addEventListener("input", ({ target }) => change({ wipe: Number(target.value) }));
  part("with").addEventListener("change", ({ target }) => change({ with: Number(target.value) }));
  part("gain").addEventListener("change", ({ target }) => change({ error: Number(target.value) }));
  part("level").addEventListener("change", ({ target }) => change({ picture: Number(target.value) }));
  part("order").addEventListener("change", ({ target }) => sort({ order: target.value }));
  part("of").addEventListener("change", ({ target }) => sort({ of: Number(target.value) }));
  dialog.addEventListener("close", () => {
    clearTimeout(writing);
    held = [];
    document.documentElement.classList.remove("viewing");
    history.replaceState(null, "", viewerAddress.write(null, gallery, location.hash));
    opener?.focus();
  });
  viewerPointers(stage, panes, { view: () => view, change, zoom, settle, lens, flip });
  new ResizeObserver(() => { if (dialog.open) paint(); }).observe(stage);

  function recall() {
    const wanted = viewerAddress.read(location.hash, gallery);
    if (wanted) open(wanted);
    else if (dialog.open) dialog.close();
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a.picture");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || link.pathname !== location.pathname) return;
    const wanted = viewerAddress.read(link.hash, gallery);
    if (!wanted) return;
    event.preventDefault();
    open(wanted, link);
  });
  addEventListener("hashchange", recall);
  recall();
})();
