// A photo of this visit: its file, what the server found in it, and what the visitor chose for it.

import * as api from "./api.js";

const THUMBNAIL = 240;
const GONE = "urn:photochrom:photo-gone";

export class Photo {
  guess = 0;
  strength = 1;
  vividness = 1;
  hints = [];
  undone = [];
  isLeftAlone = false;
  isAnew = false;
  isSaved = false;
  #isForgotten = false;
  #safe = null; // what was chosen when it came, or when it was saved last
  #taken = { hints: [], undone: [] }; // what the server took last

  constructor(file) {
    this.file = file;
  }

  async send(model) {
    this.facts = await api.send(this.file, model);
    if (this.hints.length) await api.setHints(this.facts.id, this.hints);
    this.isLeftAlone = this.facts.coloring === "color" && !this.isAnew;
    this.#safe ??= this.#choice;
  }

  // The server forgets photos that nobody uses for long; the page still has the file, and sends it once more.
  async with(act) {
    try {
      return await act(this.facts.id);
    } catch (error) {
      if (error.kind !== GONE || this.#isForgotten) throw error;
      await this.send(this.facts.model);
      return act(this.facts.id);
    }
  }

  // The visitor wants it no longer.
  forget() {
    this.#isForgotten = true;
    if (this.facts) api.remove(this.facts.id);
  }

  get look() {
    return { guess: this.guess, strength: this.strength, vividness: this.vividness };
  }

  get #choice() {
    return JSON.stringify([this.facts.model, this.look, this.hints]);
  }

  // Whether the visitor chose something that is in no saved file.
  get isChanged() {
    return this.#safe !== null && this.#safe !== this.#choice;
  }

  // Call it when saving begins, and what it returns when the file is there: something may be chosen meanwhile.
  noteChoice() {
    const choice = this.#choice;
    return () => {
      this.isSaved = true;
      this.#safe = choice;
    };
  }

  // What the archive shall hold of it.
  get entry() {
    return { id: this.facts.id, force: this.isAnew, ...this.look };
  }

  picture = (query) => this.with((id) => api.picture(id, query));

  // Its file, which is shown where it is left alone; in gray if the browser does not know such files.
  async ownPicture(width) {
    const isKnown = await createImageBitmap(this.file).then((bitmap) => (bitmap.close(), true), () => false);
    return isKnown ? this.file : this.picture({ show: "gray", width });
  }

  // As it looks now, for the shelf.
  thumbnail() {
    return this.isLeftAlone ? this.ownPicture(THUMBNAIL) : this.picture({ ...this.look, width: THUMBNAIL });
  }

  async save(part) {
    const isSafe = this.noteChoice();
    const saved = await this.with((id) => api.file(id, { ...this.look, force: this.isAnew, part }));
    isSafe();
    return saved;
  }

  async chooseModel(model) {
    this.facts = await this.with((id) => api.chooseModel(id, model));
    this.guess = 0;
  }

  colorAnew() {
    this.isAnew = true;
    this.isLeftAlone = false;
  }

  addHint = (hint) => this.#setHints([...this.hints, hint], []);
  undo = () => this.#setHints(this.hints.slice(0, -1), [...this.undone, ...this.hints.slice(-1)]);
  redo = () => this.#setHints([...this.hints, ...this.undone.slice(-1)], this.undone.slice(0, -1));
  clear = () => this.#setHints([], [...this.undone, ...[...this.hints].reverse()]);

  // They count at once, so that the next click builds on them before the server has answered.
  #setHints(hints, undone) {
    Object.assign(this, { hints, undone });
    return this.#sendHints();
  }

  #sendHints = api.latest(async () => {
    const { hints, undone } = this;
    try {
      await this.with((id) => api.setHints(id, hints));
      this.#taken = { hints, undone };
    } catch (error) {
      Object.assign(this, this.#taken);
      throw error;
    }
  });
}
