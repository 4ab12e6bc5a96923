// The stage: one pane, or several side by side that show the same place at the same size. Pixels are never read, which
// a page opened from a file may not do: the error map is a blend of two pictures and a filter over it.
const viewerPanes = (stage, gallery) => {
  "use strict";
  const LENS = 3; // how much more the magnifier enlarges
  const truth = gallery.columns.findIndex(({ kind }) => kind === "truth");
  let panes = [];

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children);
    return element;
  };

  function load(image, src, alt) {
    image.alt = alt;
    image.hidden = !src;
    if (src && image.getAttribute("src") !== src) image.src = src;
  }

  // One column's picture; over it the truth, by difference, while the error map is on.
  function makeLayer() {
    const [image, over, absent] = [make("img", "image"), make("img", "over"), make("p", "absent")];
    const root = make("div", "layer", image, over, absent);
    return (column, view) => {
      const picture = gallery.pictures[view.picture];
      const { name } = gallery.columns[column];
      const error = Boolean(view.error && picture.src[truth] && picture.src[column]);
      load(image, picture.src[column], `${name}, ${picture.image}${error ? ": error map" : ""}`);
      load(over, error ? picture.src[truth] : "", "");
      absent.textContent = picture.src[column] ? "" : `${name}: no picture kept`;
      root.classList.toggle("error", error);
      return root;
    };
  }

  // All that lies on one spot: a layer, the one that wipes over it, the border of what was lost.
  function makeSheet() {
    const [under, over, outline] = [makeLayer(), makeLayer(), make("img", "outline")];
    const root = make("div", "sheet");
    return (columns, view, { zoom, left, top }) => {
      const picture = gallery.pictures[view.picture];
      const layers = [under(columns[0], view)];
      if (columns.length > 1) {
        layers.push(over(columns[1], view));
        layers[1].style.clipPath = `inset(0 0 0 ${view.wipe}%)`;
      }
      load(outline, view.outline ? picture.outline : "", "");
      const wanted = [...layers, outline];
      if (wanted.length !== root.children.length) root.replaceChildren(...wanted);
      root.classList.toggle("enlarged", zoom * devicePixelRatio >= 1);
      const [width, height] = [picture.width * zoom, picture.height * zoom];
      const box = { left, top, width, height };
      for (const [name, value] of Object.entries(box)) root.style[name] = `${value}px`;
      return root;
    };
  }

  // Names stand right above the picture, or above the pane where the picture fills it.
  function label(caption, view, { left, top, zoom, width }) {
    const across = Math.min(width, gallery.pictures[view.picture].width * zoom);
    caption.style.width = `${Math.max(across, Math.min(width, 90))}px`;
    caption.style.translate = `${Math.max(0, left)}px ${Math.max(0, top)}px`;
  }

  function makePane() {
    const [sheet, enlarged] = [makeSheet(), makeSheet()];
    const [lens, handle] = [make("div", "lens"), make("div", "handle")];
    const frame = make("div", "frame");
    const caption = make("p", "caption");
    const root = make("figure", "pane", caption, frame);
    function paint(columns, view, sight) {
      const names = columns.map((column) => gallery.columns[column].name);
      caption.replaceChildren(...names.map((name) => make("span", "", name)));
      label(caption, view, sight);
      const parts = [sheet(columns, view, sight)];
      if (columns.length > 1) {
        handle.style.left = `${sight.left + view.wipe / 100 * gallery.pictures[view.picture].width * sight.zoom}px`;
        parts.push(handle);
      }
      if (view.lens) {
        const room = Math.min(200, sight.width * .6, sight.height * .6);
        const zoom = Math.max(1, Math.ceil(sight.zoom * LENS));
        const [x, y] = view.lens;
        const middle = { left: room / 2 - x * zoom, top: room / 2 - y * zoom };
        lens.replaceChildren(enlarged(columns, view, { zoom, ...middle }));
        const at = [sight.left + x * sight.zoom - room / 2, sight.top + y * sight.zoom - room / 2];
        Object.assign(lens.style, { width: `${room}px`, height: `${room}px`, left: `${at[0]}px`, top: `${at[1]}px` });
        parts.push(lens);
      }
      if (parts.some((part, index) => frame.children[index] !== part) || frame.children.length !== parts.length) {
        frame.replaceChildren(...parts);
      }
    }
    return { root, frame, paint };
  }

  const columnsOf = (view) => {
    if (view.mode === "flip") return [[view.show]];
    if (view.mode === "wipe") return [[view.with, view.show]];
    return sideBySide(view).map((column) => [column]);
  };
  const sideBySide = (view) => {
    if (view.panes.length) return view.panes;
    return [...new Set([view.with, view.show, truth >= 0 ? truth : view.show])];
  };

  // As many panes to a row as leave the picture largest.
  function arrange(count, { width, height }) {
    const room = (across) => Math.min(
      stage.clientWidth / across / width, stage.clientHeight / Math.ceil(count / across) / height);
    const all = Array.from({ length: count }, (_, index) => index + 1);
    const best = all.reduce((a, b) => (room(b) > room(a) ? b : a));
    stage.style.gridTemplateColumns = `repeat(${best}, minmax(0, 1fr))`;
  }

  // Where along one axis the picture's middle point may lie so that no room is wasted.
  const settle = (at, length, room) => (
    at === null || length <= room ? length / 2 : Math.min(length - room / 2, Math.max(room / 2, at)));

  // What of the picture a pane of this size shows: zoom, where the picture lies, its point in the middle.
  function look(view) {
    const picture = gallery.pictures[view.picture];
    const [width, height] = [panes[0].frame.clientWidth || 1, panes[0].frame.clientHeight || 1];
    const fit = Math.min(width / picture.width, height / picture.height);
    const whole = Math.floor(fit * devicePixelRatio) / devicePixelRatio; // so that all pixels are of one size
    const zoom = view.zoom || whole || fit;
    const x = settle(view.x, picture.width, width / zoom);
    const y = settle(view.y, picture.height, height / zoom);
    return { width, height, zoom, x, y, left: Math.round(width / 2 - x * zoom), top: Math.round(height / 2 - y * zoom) };
  }

  function paint(view) {
    const shown = columnsOf(view);
    while (panes.length < shown.length) panes.push(makePane());
    panes = panes.slice(0, shown.length);
    if (stage.children.length !== panes.length) stage.replaceChildren(...panes.map(({ root }) => root));
    arrange(shown.length, gallery.pictures[view.picture]);
    const sight = look(view);
    panes.forEach((pane, index) => pane.paint(shown[index], view, sight));
    return sight;
  }

  // The picture's point under a point of the screen, by the pane that holds it, else by the first.
  function under({ clientX, clientY }, view) {
    const boxes = panes.map(({ frame }) => frame.getBoundingClientRect());
    const holds = (box) => clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
    const box = boxes.find(holds) ?? boxes[0];
    const [sight, { width, height }] = [look(view), gallery.pictures[view.picture]];
    const x = (clientX - box.left - sight.left) / sight.zoom;
    const y = (clientY - box.top - sight.top) / sight.zoom;
    return { x, y, share: x / width, inside: x >= 0 && y >= 0 && x <= width && y <= height };
  }

  return { paint, look, under, sideBySide, columnsOf };
};
