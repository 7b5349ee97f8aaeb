// What the page asks of the server. Each failure is a Refusal, whose message can be shown as it is.

const PATIENCE = 20;

export class Refusal extends Error {
  constructor(message, kind) {
    super(message);
    this.kind = kind;
  }
}

const seconds = (count) => new Promise((done) => setTimeout(done, count * 1000));

// A server that is busy says so, and is asked again.
async function ask(path, options) {
  for (let attempt = 1; ; attempt++) {
    let answer;
    try {
      answer = await fetch(path, options);
    } catch {
      throw new Refusal("The server cannot be reached; is photochrom still running?");
    }
    if (answer.ok) return answer;
    const isBusy = answer.status === 429 || answer.status === 503;
    if (isBusy && attempt < PATIENCE) {
      await seconds(Math.min(Number(answer.headers.get("Retry-After")) || 1, 5));
      continue;
    }
    const problem = await answer.json().catch(() => ({}));
    throw new Refusal(problem.detail ?? `The server answers ${answer.status}.`, problem.type);
  }
}

const json = (method, value) => ({
  method,
  headers: { "Content-Type": "application/json" },
  body: JSON.stringify(value),
});

const at = (id, rest = "", query = {}) => `api/v1/photos/${id}${rest}?${new URLSearchParams(query)}`;

export const models = async () => (await ask("api/v1/models")).json();
export const limits = async () => (await ask("api/v1/limits")).json();
export const samples = async () => (await ask("samples")).json();
export const sample = async (address) => (await ask(address)).blob();
export const card = async (model) => (await ask(`cards/${encodeURIComponent(model)}`)).text();

export const send = async (file, model) => {
  const query = new URLSearchParams({ name: file.name, ...(model && { model }) });
  const headers = { "Content-Type": "application/octet-stream" };
  try {
    return (await ask(`api/v1/photos?${query}`, { method: "POST", headers, body: file })).json();
  } catch (error) {
    // To a browser this is the same as a server that is gone.
    if (await isReadable(file)) throw error;
    throw new Refusal("cannot be read; is it still there, and is it a file?");
  }
};

const isReadable = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

export const facts = async (id) => (await ask(at(id))).json();
export const chooseModel = async (id, model) => (await ask(at(id), json("PATCH", { model }))).json();
export const setHints = (id, hints) => ask(at(id, "/hints"), json("PUT", hints));
export const picture = async (id, query) => (await ask(at(id, "/picture", query))).blob();

// When the page is closed the request goes on by itself.
export const remove = (id) => fetch(at(id), { method: "DELETE", keepalive: true }).catch(() => {});

async function saved(answer) {
  const name = /filename\*=UTF-8''(\S+)/.exec(answer.headers.get("Content-Disposition"));
  return { name: name ? decodeURIComponent(name[1]) : "photo", blob: await answer.blob() };
}

export const file = async (id, query) => saved(await ask(at(id, "/file", query)));
export const archive = async (photos) => saved(await ask("api/v1/archives", json("POST", { photos })));

// Makes a function that runs `act`, which asks for something, once at a time. Calls meanwhile let it run once more at
// the end: only the latest state counts, and what is outdated before its turn is passed over.
export function latest(act) {
  let isStale = false;
  let running = null;
  const run = async () => {
    try {
      while (isStale) {
        isStale = false;
        await act();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    isStale = true;
    running ??= run();
    return running;
  };
}
