// The page: photos that come in, the shelf on which they lie, and what is saved of them.

import * as api from "./api.js";
import { handedOver } from "./files.js";
import { Photo } from "./photo.js";
import { $, Viewer, element, show } from "./viewer.js";

const AT_ONCE = 2;
const LARGE = 1200;

const photos = [];
let waiting = [];
let sent = 0;
let senders = 0;
let limits = { upload_bytes: Infinity };

const viewer = new Viewer(attempt, (photo) => photo.showThumbnail());

// Words for the visitor

let refused = []; // of the photos that were added last
let failed = []; // of what was done last

function tell(changed) {
  ({ refused, failed } = { refused, failed, ...changed });
  const lines = [...refused, ...failed];
  $("#trouble ul").replaceChildren(...lines.map((line) => element("li", { textContent: line })));
  $("#trouble").hidden = !lines.length;
}

function progress(text, value, max) {
  $("#progress").hidden = !text;
  $("#progress span").textContent = text;
  const bar = $("#progress progress");
  bar.removeAttribute("value");
  if (max > 1) Object.assign(bar, { max, value });
}

async function attempt(act) {
  tell({ failed: [] });
  try {
    await act();
  } catch (error) {
    tell({ failed: [error.message] });
  }
}

// Photos that come in

function take(files, refusals = []) {
  const all = [...files];
  const isLarge = (file) => file.size > limits.upload_bytes;
  const words = `larger than ${limits.upload_bytes / 1e6} MB, the most that is taken; make it smaller`;
  tell({ failed: [], refused: [...refusals, ...all.filter(isLarge).map((file) => `${file.name}: ${words}`)] });
  waiting.push(...all.filter((file) => !isLarge(file)).map((file) => new Photo(file)));
  while (senders < AT_ONCE && waiting.length) sendAll();
}

async function sendAll() {
  senders += 1;
  for (let photo; (photo = waiting.shift()); ) {
    const ours = waiting;
    photos.push(photo);
    tellSending(photo);
    lay(photo);
    try {
      await photo.send($("#model").value);
      if (ours !== waiting) await api.remove(photo.facts.id); // the visitor started over meanwhile
      else await admit(photo);
    } catch (error) {
      if (ours === waiting) {
        tell({ refused: [...refused, `${photo.file.name}: ${error.message}`] });
        drop(photo);
        openFirst();
      }
    }
    sent += 1;
  }
  senders -= 1;
  if (!senders) {
    sent = 0;
    progress("");
  }
}

async function takeHandedOver(transfer) {
  const { files, emptyFolders } = await handedOver(transfer);
  take(files, emptyFolders.map((name) => `${name}: no photo was found in this folder`));
}

function tellSending(photo) {
  const count = sent + senders + waiting.length;
  progress(count > 1 ? `Coloring ${sent + 1} of ${count}` : `Coloring ${photo.file.name}`, sent, count);
}

async function admit(photo) {
  photo.item.disabled = false;
  openFirst();
  await photo.showThumbnail();
}

// The first of those that were added, even if another is ready before it.
function openFirst() {
  const [first] = photos;
  if (first && !first.item.disabled && !photos.some((photo) => photo.isOpen)) open(first);
}

function lay(photo) {
  const { name } = photo.file;
  photo.item = element("button", { type: "button", className: "thumbnail", disabled: true, title: name },
    element("img", { alt: "" }), element("span", { textContent: name }));
  photo.item.addEventListener("click", () => {
    tell({ refused: [] });
    open(photo);
    bringIntoView();
  });
  const words = { title: "Remove", ariaLabel: `Remove ${name}`, textContent: "×" };
  const away = element("button", { type: "button", className: "away", ...words });
  away.addEventListener("click", () => remove(photo));
  photo.showThumbnail = api.latest(() => showThumbnail(photo));
  $("#strip").append(element("li", {}, photo.item, away));
  arrange();
}

async function showThumbnail(photo) {
  try {
    await show(photo.item.firstElementChild, await photo.thumbnail());
  } catch (error) {
    if (photos.includes(photo)) throw error; // else it was removed meanwhile
  }
}

function remove(photo) {
  if (photo.isChanged && !confirm(`Remove ${photo.file.name}? What you chose for it is not saved.`)) return;
  const ready = photos.filter((other) => !other.item.disabled);
  const place = ready.indexOf(photo);
  const next = ready[place + 1] ?? ready[place - 1];
  photo.forget();
  drop(photo);
  if (photo.isOpen && next) open(next);
  (photos.length > 1 && next ? next.item : $("#add")).focus();
}

function drop(photo) {
  photos.splice(photos.indexOf(photo), 1);
  photo.item.parentElement.remove();
  arrange();
}

// What is shown follows from what there is.
function arrange() {
  const opened = photos.find((photo) => photo.isOpen);
  $("#welcome").hidden = Boolean(opened);
  $("#shelf").hidden = !opened;
  $("#strip").hidden = $("#save-all").hidden = photos.length < 2;
  $("#bench").hidden = !opened || opened.isLeftAlone;
  $("#in-color").hidden = !opened?.isLeftAlone;
}

function open(photo) {
  for (const other of photos) {
    other.isOpen = other === photo;
    other.item.ariaCurrent = String(other.isOpen);
  }
  arrange();
  viewer.close();
  if (photo.isLeftAlone) {
    $("#in-color p").replaceChildren(element("strong", { textContent: photo.file.name }),
      " is in color already, so it was left as it is. Its colors can be guessed again from its shades of gray.");
    return attempt(() => showAsItIs(photo));
  }
  return attempt(() => viewer.open(photo));
}

async function showAsItIs(photo) {
  const image = $("#in-color img");
  image.removeAttribute("src");
  const picture = await photo.ownPicture(LARGE);
  if (photo.isOpen) await show(image, picture);
}

// On a small screen the shelf lies far below the photo.
function bringIntoView() {
  const [shown, whole] = $("#bench").hidden ? [$("#in-color"), $("#in-color")] : [$("#frame"), $("#stage")];
  const { top, bottom } = shown.getBoundingClientRect();
  if (top >= 0 && bottom <= window.innerHeight) return;
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  whole.scrollIntoView({ behavior: isCalm ? "instant" : "smooth" });
}

// One photo as it was guessed first is there again in a moment; several take their time, and choices cannot be guessed.
function isUnsaved() {
  const fresh = photos.filter((photo) => !photo.isSaved && !photo.isLeftAlone);
  return fresh.length + waiting.length > 1 || photos.some((photo) => photo.isChanged);
}

function startOver() {
  if (isUnsaved() && !confirm("Start over? What is not saved will be lost.")) return;
  waiting = [];
  for (const photo of photos.splice(0)) photo.forget();
  viewer.close();
  $("#strip").replaceChildren();
  tell({ refused: [], failed: [] });
  progress("");
  arrange();
  $("#drop input").focus();
}

// What is saved

function hand({ name, blob }) {
  const link = element("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function saving(text, button, make) {
  button.disabled = true;
  progress(text);
  try {
    hand(await make());
  } finally {
    button.disabled = false;
    progress("");
  }
}

const save = ({ currentTarget }, part) =>
  attempt(() => saving(`Saving ${viewer.photo.file.name}`, currentTarget, () => viewer.photo.save(part)));

async function packed() {
  const chosen = photos.filter((photo) => photo.facts && !photo.isLeftAlone);
  if (!chosen.length) throw new Error("All these photos are in color already: there is nothing to save.");
  for (const photo of chosen) await photo.with(api.facts); // sends again what the server has forgotten
  const safe = chosen.map((photo) => photo.noteChoice());
  const archive = await api.archive(chosen.map((photo) => photo.entry));
  const end = await archive.blob.slice(-100_000).text();
  const told = toldOfColored(photos.filter((photo) => photo.isLeftAlone).length);
  if (end.includes("not-in-here.txt")) told.push("Some photos could not be saved; not-in-here.txt in the ZIP names them.");
  else for (const isSafe of safe) isSafe();
  tell({ failed: told });
  return archive;
}

function toldOfColored(count) {
  if (!count) return [];
  return [count === 1
    ? "1 photo is in color already: it was left as it is, and is not in the ZIP."
    : `${count} photos are in color already: they were left as they are, and are not in the ZIP.`];
}

// Events

for (const input of document.querySelectorAll("input[type=file]")) {
  input.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
}
document.addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  attempt(() => takeHandedOver(event.clipboardData));
});
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.body.classList.add("over");
});
document.addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("over"));
document.addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  document.body.classList.remove("over");
  attempt(() => takeHandedOver(event.dataTransfer));
});
window.addEventListener("beforeunload", (event) => isUnsaved() && event.preventDefault());
window.addEventListener("pagehide", () => photos.forEach(({ facts }) => facts && api.remove(facts.id)));

$("#trouble button").addEventListener("click", () => tell({ refused: [], failed: [] }));
$("#start-over").addEventListener("click", startOver);
$("#in-color button").addEventListener("click", () => {
  const photo = photos.find((other) => other.isOpen);
  photo.colorAnew();
  open(photo);
  attempt(photo.showThumbnail);
});
$("#save").addEventListener("click", (event) => save(event, "color"));
$("#save-pair").addEventListener("click", (event) => save(event, "comparison"));
$("#save-all").addEventListener("click", ({ currentTarget }) =>
  attempt(() => saving("Packing your photos", currentTarget, packed)));
$("#about").addEventListener("click", () => attempt(async () => {
  $("#card article").innerHTML = await api.card($("#model").value);
  $("#card").showModal();
}));

// What the server offers

await attempt(async () => {
  const [models, samples, told] = await Promise.all([api.models(), api.samples(), api.limits()]);
  limits = told;
  $("#model").append(...models.map(({ name }) => element("option", { value: name, textContent: name })));
  for (const [name, address] of Object.entries(samples)) {
    const button = element("button", { type: "button", className: "quiet", textContent: name });
    button.addEventListener("click", () => attempt(async () =>
      take([new File([await api.sample(address)], address.split("/").pop(), { type: "image/png" })])));
    $("#samples").append(button);
  }
  $("#samples").hidden = !Object.keys(samples).length;
  document.body.dataset.state = "ready";
});
