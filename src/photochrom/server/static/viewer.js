// The photo that is open: three ways to look at it, and everything that changes how it looks.

import { latest } from "./api.js";

const GUESSES = ["Likeliest", "Warmer", "Cooler", "Rosier"];
const SWATCHES = {
  Skin: "#c68a67", Brown: "#6b4a2f", Blond: "#c9a35c", Red: "#a8342b",
  Green: "#4d6f3a", Sky: "#6f9cc9", Navy: "#2b3a67", Cream: "#e6d8b8",
};
const WIDEST = 2000;
const THUMBNAIL = 320;

export const $ = (selector) => document.querySelector(selector);

export function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Show a picture only when the browser has decoded it: nothing flickers.
export async function show(image, blob) {
  const old = image.src;
  image.src = URL.createObjectURL(blob);
  await image.decode().catch(() => {});
  if (old.startsWith("blob:")) URL.revokeObjectURL(old);
}

export class Viewer {
  photo = null;
  #sharpness = 0; // the width in pixels for which the pictures were asked that are shown

  // `attempt` runs something that may fail, and tells the visitor when it does; `onChange` is told of each photo that
  // looks different from now on.
  constructor(attempt, onChange) {
    this.attempt = attempt;
    this.onChange = onChange;
    this.#layOutPalette();
    this.#layOutGuesses();
    this.#listen();
    this.#turnTo("compare");
  }

  async open(photo) {
    this.photo = photo;
    const { facts } = photo;
    $("#caption h2").textContent = photo.file.name;
    $("#caption span").textContent = described(facts);
    const frame = $("#frame").style;
    frame.setProperty("--aspect", facts.width / facts.height);
    frame.setProperty("--widest", `${3 * facts.width}px`);
    $("#model").value = facts.model;
    $("#outline").closest("label").hidden = !facts.faces.length;
    this.#tellLook();
    this.#mark();
    await this.#showAll();
  }

  close() {
    this.photo = null;
    for (const image of document.querySelectorAll("#frame img, #guesses img")) image.removeAttribute("src");
  }

  get #view() {
    return $("#views input:checked").value;
  }

  get #width() {
    const wanted = $("#frame").clientWidth * Math.min(window.devicePixelRatio, 2);
    return Math.min(WIDEST, Math.max(THUMBNAIL, Math.ceil(wanted / 200) * 200));
  }

  // Pictures that come when another photo is open already are dropped, and so are their failures.
  async #load(image, query) {
    const { photo } = this;
    try {
      const blob = await photo.picture({ ...photo.look, width: this.#width, ...query });
      if (photo === this.photo) await show(image, blob);
    } catch (error) {
      if (photo === this.photo) throw error;
    }
  }

  async #showAll() {
    const { photo } = this;
    await this.#showLarge();
    if (photo === this.photo) await this.#showGuesses();
  }

  #showGuesses = latest(async () => {
    const { photo } = this;
    const thumbnails = [...document.querySelectorAll("#guesses img")];
    const plain = { strength: 1, vividness: 1, width: THUMBNAIL };
    for (const [guess, image] of thumbnails.entries()) {
      if (photo && photo === this.photo) await this.#load(image, { ...plain, guess });
    }
  });

  async #showLarge() {
    const { photo } = this;
    this.#sharpness = this.#width;
    await Promise.all([this.#load($("#before"), { show: "gray" }), this.#load($("#after"))]);
    if (photo === this.photo && this.#view === "sure") await this.#load($("#sure"), { show: "confidence" });
  }

  // One picture at a time is asked for while a slider moves; the last position is always drawn.
  redraw = latest(async () => {
    if (this.photo) await this.#load($("#after"));
  });

  #layOutPalette() {
    const own = $("#own");
    for (const [name, color] of Object.entries(SWATCHES)) {
      const input = element("input", { type: "radio", name: "swatch", value: color, checked: name === "Skin" });
      const dot = element("i");
      dot.style.backgroundColor = color;
      own.before(element("label", {}, input, dot, element("span", { textContent: name })));
    }
    $("#swatches").addEventListener("input", ({ target }) => {
      if (target.type === "radio") own.firstElementChild.value = target.value;
      else for (const radio of document.querySelectorAll("[name=swatch]")) radio.checked = false;
    });
  }

  #layOutGuesses() {
    for (const [guess, name] of GUESSES.entries()) {
      const input = element("input", { type: "radio", name: "guess", value: guess });
      $("#guesses").append(element("label", {}, input, element("img", { alt: "" }), element("span", { textContent: name })));
    }
  }

  #listen() {
    const act = (selector, event, change) =>
      $(selector).addEventListener(event, (happened) => this.photo && this.attempt(() => change(happened)));
    const redrawn = (change) => () => this.#change(change);
    $("#views").addEventListener("input", () => this.#turnTo(this.#view));
    $("#divide").addEventListener("input", ({ target }) => $("#frame").style.setProperty("--divide", `${target.value}%`));
    $("#outline").addEventListener("input", () => this.#mark());
    $("#enlarge").addEventListener("click", () =>
      document.fullscreenElement ? document.exitFullscreen() : $("#stage").requestFullscreen());
    act("#stage", "fullscreenchange", () => this.#width > this.#sharpness && this.#showLarge());
    act("#views", "input", () => this.#view === "sure" && this.#load($("#sure"), { show: "confidence" }));
    act("#guesses", "input", async ({ target }) => {
      await this.#change((photo) => { photo.guess = Number(target.value); });
      if (this.#view === "sure") await this.#load($("#sure"), { show: "confidence" });
    });
    act("#strength", "input", redrawn((photo) => { photo.strength = $("#strength").value / 100; }));
    act("#vividness", "input", redrawn((photo) => { photo.vividness = $("#vividness").value / 100; }));
    act("#frame", "click", (event) => this.#view === "hints" && this.#hintAt(event));
    act("#typed", "submit", (event) => this.#hintTyped(event));
    act("#undo", "click", redrawn((photo) => photo.undo()));
    act("#redo", "click", redrawn((photo) => photo.redo()));
    act("#clear", "click", redrawn((photo) => photo.clear()));
    act("#model", "change", async ({ target }) => {
      const { photo } = this;
      await photo.chooseModel(target.value);
      await Promise.all([photo === this.photo && this.open(photo), this.onChange(photo)]);
    });
    document.addEventListener("keydown", (event) => {
      if (this.#view !== "hints" || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      if (event.target.matches("input[type=text]")) return;
      event.preventDefault();
      $(event.shiftKey ? "#redo" : "#undo").click();
    });
  }

  #turnTo(view) {
    $("#stage").dataset.view = view;
    this.#mark();
  }

  #tellLook() {
    const { photo } = this;
    for (const name of ["strength", "vividness"]) {
      const percent = Math.round(photo[name] * 100);
      $(`#${name}`).value = percent;
      $(`#${name}`).parentElement.querySelector("output").value = `${percent} %`;
    }
    $(`#guesses input[value="${photo.guess}"]`).checked = true;
    $("#undo").disabled = $("#clear").disabled = !photo.hints.length;
    $("#redo").disabled = !photo.undone.length;
  }

  // Frames around faces, and a dot at each color that was set; in shares of the photo, so that they fit any size.
  #mark() {
    const marks = [];
    const { facts, hints } = this.photo ?? { facts: { faces: [] }, hints: [] };
    const across = (pixels) => `${(100 * pixels) / facts.width}%`;
    const down = (pixels) => `${(100 * pixels) / facts.height}%`;
    if ($("#outline").checked) {
      for (const { x, y, width, height } of facts.faces) {
        const face = element("span", { className: "face" });
        Object.assign(face.style, { left: across(x), top: down(y), width: across(width), height: down(height) });
        marks.push(face);
      }
    }
    if (this.#view === "hints") {
      for (const { x, y, color } of hints) {
        const dot = element("span", { className: "dot" });
        Object.assign(dot.style, { left: across(x), top: down(y), backgroundColor: color });
        marks.push(dot);
      }
    }
    $("#marks").replaceChildren(...marks);
  }

  #hintAt({ target, clientX, clientY }) {
    if (target.id === "enlarge") return undefined;
    const box = $("#frame").getBoundingClientRect();
    const { width, height } = this.photo.facts;
    const x = ((clientX - box.left) / box.width) * width;
    const y = ((clientY - box.top) / box.height) * height;
    const inside = (value, limit) => Math.min(Math.max(value, 0), limit - 0.01);
    return this.#hint({ x: inside(x, width), y: inside(y, height), color: $("#own input").value });
  }

  async #hintTyped(event) {
    event.preventDefault();
    const field = $("#typed input");
    const parts = /^\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*(#[0-9a-f]{6})\s*$/i.exec(field.value);
    if (!parts) throw new Error("Write it like 120,80,#7a4b2c: pixels from the left, pixels from the top, and the color.");
    await this.#hint({ x: Number(parts[1]), y: Number(parts[2]), color: parts[3] });
    field.value = "";
  }

  #hint(hint) {
    return this.#change((photo) => photo.addHint(hint));
  }

  // What was changed is marked at once, and again when the server has answered: it may have refused it.
  async #change(change) {
    const { photo } = this;
    const { hints } = photo;
    const taken = change(photo);
    this.#tellLook();
    this.#mark();
    try {
      await taken;
    } finally {
      if (photo === this.photo) {
        this.#tellLook();
        this.#mark();
      }
      await this.redraw();
    }
    await Promise.all([this.onChange(photo), photo.hints !== hints && this.#showGuesses()]);
  }
}

function described({ width, height, bits, format, faces, coloring, remarks }) {
  const told = [`${width} × ${height}`, format];
  if (bits > 8) told.push(`${bits} bits`);
  told.push(faces.length === 1 ? "1 face" : `${faces.length || "no"} faces`);
  if (coloring === "tinted") told.push("toned");
  told.push(...remarks);
  return told.join(" · ");
}
