// Mouse, pen and fingers on the stage: drag to move, wheel or two fingers to enlarge, swipe to flip, wipe, magnify.
const viewerPointers = (stage, panes, viewer) => {
  "use strict";
  const SWIPE = 40, PINCH = 1.3; // px a finger travels to flip; how much further apart two fingers enlarge by a step
  const down = new Map(); // where each finger, or the mouse, is
  let drag = null; // what they are doing
  let apart = 0; // px between two fingers when they last zoomed

  const wipe = (at) => viewer.change({ wipe: Math.round(Math.min(1, Math.max(0, at.share)) * 1000) / 10 });

  function kind(event) {
    const view = viewer.view();
    const touch = event.pointerType === "touch";
    if (down.size > 1) return "pinch";
    if (view.mode === "wipe" && (view.zoom === 0 || event.target.closest(".handle"))) return "wipe";
    if (view.lens && touch) return "lens";
    return touch && view.zoom === 0 ? "swipe" : "pan";
  }

  function distance() {
    const [a, b] = [...down.values()];
    return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
  }

  function pinch() {
    const now = distance();
    if (now / apart < PINCH && apart / now < PINCH) return;
    const [a, b] = [...down.values()];
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    viewer.zoom(now > apart ? 1 : -1, panes.under(middle, viewer.view()));
    apart = now;
  }

  const moves = {
    pinch,
    wipe: (event) => wipe(panes.under(event, viewer.view())),
    lens: (event) => magnify(event),
    swipe: () => {},
    pan: (event) => {
      const { from, look } = drag;
      const [dx, dy] = [event.clientX - from.clientX, event.clientY - from.clientY];
      viewer.change({ zoom: look.zoom, x: look.x - dx / look.zoom, y: look.y - dy / look.zoom });
    },
  };

  function magnify(event) {
    const at = panes.under(event, viewer.view());
    if (at.inside) viewer.lens(at.x, at.y);
  }

  stage.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    down.set(event.pointerId, event);
    stage.setPointerCapture(event.pointerId);
    drag = { kind: kind(event), from: event, look: panes.look(viewer.view()) };
    if (drag.kind === "pinch") apart = distance();
    if (["wipe", "lens"].includes(drag.kind)) moves[drag.kind](event);
  });
  stage.addEventListener("pointermove", (event) => {
    if (down.has(event.pointerId)) down.set(event.pointerId, event);
    if (drag) moves[drag.kind](event);
    else if (viewer.view().lens) magnify(event);
  });
  const end = (event) => {
    down.delete(event.pointerId);
    if (!drag) return;
    const across = event.clientX - drag.from.clientX;
    if (drag.kind === "swipe" && event.type === "pointerup" && Math.abs(across) > SWIPE) viewer.flip(across < 0 ? 1 : -1);
    if (drag.kind === "pan") viewer.settle();
    drag = null;
  };
  stage.addEventListener("pointerup", end);
  stage.addEventListener("pointercancel", end);
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    if (event.deltaY) viewer.zoom(event.deltaY < 0 ? 1 : -1, panes.under(event, viewer.view()));
  }, { passive: false });
};
