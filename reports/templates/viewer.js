// One place, fixed zoom: number keys flip the picture in place, arrows go on, e shows the difference from the truth.
(() => {
  "use strict";
  const dialog = document.getElementById("viewer");
  const image = document.getElementById("viewer-image");
  const truth = document.getElementById("viewer-truth");
  const list = document.getElementById("viewer-shots");
  const strips = [...document.querySelectorAll(".strip")].map((strip) => ({
    name: strip.dataset.picture,
    shots: [...strip.querySelectorAll("button.picture")].map((button) => ({
      button, label: button.dataset.label, scores: button.dataset.scores, kind: button.dataset.kind,
      src: button.querySelector("img").getAttribute("src"),
      width: Number(button.querySelector("img").getAttribute("width")),
      height: Number(button.querySelector("img").getAttribute("height")),
    })),
  }));
  let at = 0;
  let shown = 0;
  let zoom = 0; // 0: the largest whole factor that fits

  const strip = () => strips[at];
  const shot = () => strip().shots[shown];
  const truthIndex = () => strip().shots.findIndex((each) => each.kind === "truth");

  function fit() {
    const stage = dialog.querySelector(".stage");
    const room = Math.min(stage.clientWidth / shot().width, stage.clientHeight / shot().height);
    return zoom || (room >= 1 ? Math.floor(room) : room);
  }

  function place() {
    for (const each of [image, truth]) {
      each.width = Math.round(shot().width * fit());
      each.height = Math.round(shot().height * fit());
    }
  }

  function show() {
    image.src = shot().src;
    image.alt = `${shot().label}, ${strip().name}`;
    const last = truthIndex();
    if (last >= 0) truth.src = strip().shots[last].src;
    place();
    document.getElementById("viewer-picture").textContent = strip().name;
    document.getElementById("viewer-count").textContent = `${at + 1} of ${strips.length}`;
    for (const [index, item] of [...list.children].entries()) {
      item.firstChild.setAttribute("aria-current", String(index === shown));
      if (index !== shown) continue;
      item.scrollIntoView({ block: "nearest" });
      if (list.contains(document.activeElement)) item.firstChild.focus({ preventScroll: true });
    }
  }

  function fill() {
    list.replaceChildren(...strip().shots.map((each, index) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      const key = each.kind === "truth" ? "0" : index < 9 ? String(index + 1) : "";
      for (const [name, text] of [["key", key], ["label", each.label], ["scores", each.scores]]) {
        const part = document.createElement("span");
        part.className = name;
        part.textContent = text;
        button.append(part);
      }
      button.type = "button";
      button.addEventListener("click", () => { shown = index; show(); });
      item.append(button);
      new Image().src = each.src; // so that flipping does not wait
      return item;
    }));
  }

  function open(picture, index) {
    at = picture;
    shown = index;
    if (!dialog.open) dialog.showModal();
    fill();
    show();
    list.children[shown].firstChild.focus({ preventScroll: true }); // keys are heard inside the dialog only
  }

  function step(by) {
    const label = shot().label;
    const next = (at + by + strips.length) % strips.length;
    const same = strips[next].shots.findIndex((each) => each.label === label);
    open(next, Math.max(0, same));
  }

  function flip(index) {
    if (index < 0 || index >= strip().shots.length) return;
    shown = index;
    show();
  }

  const actions = {
    previous: () => step(-1),
    next: () => step(1),
    smaller: () => { zoom = Math.max(1, Math.floor(fit()) - 1); place(); },
    larger: () => { zoom = Math.min(16, Math.floor(fit()) + 1); place(); },
    error: () => {
      truth.hidden = !truth.hidden;
      dialog.querySelector(".stage").classList.toggle("difference", !truth.hidden);
      dialog.querySelector("[data-do=error]").setAttribute("aria-pressed", String(!truth.hidden));
    },
    close: () => dialog.close(),
  };
  const keys = {
    ArrowLeft: actions.previous, ArrowRight: actions.next, "+": actions.larger, "=": actions.larger,
    "-": actions.smaller, e: actions.error,
    ArrowUp: () => flip((shown - 1 + strip().shots.length) % strip().shots.length),
    ArrowDown: () => flip((shown + 1) % strip().shots.length),
    0: () => flip(truthIndex()),
  };

  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (Object.hasOwn(keys, event.key)) keys[event.key]();
    else if (/^[1-9]$/.test(event.key)) flip(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });
  dialog.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-do]");
    if (button) actions[button.dataset.do]();
    else if (target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => shot().button.focus());
  addEventListener("resize", () => { if (dialog.open) place(); });
  strips.forEach((each, picture) => each.shots.forEach((its, index) => {
    its.button.addEventListener("click", () => open(picture, index));
  }));
})();
