// The files that were dropped or pasted, those in folders too.

const KINDS = document.querySelector("input[type=file]").accept.split(",");

const isHidden = ({ name }) => name.startsWith(".");

// A folder holds other things than photos, and nobody chose those; they are told apart by their names.
function isPicture({ name, type }) {
  return type.startsWith("image/") || KINDS.some((kind) => kind.startsWith(".") && name.toLowerCase().endsWith(kind));
}

const promised = (start) => new Promise((resolve, reject) => start(resolve, reject));

// A browser hands over some entries at a time, and none at the end.
async function entriesIn(folder) {
  const reader = folder.createReader();
  const all = [];
  for (let some; (some = await promised((...done) => reader.readEntries(...done))).length; ) all.push(...some);
  return all.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
}

async function photosIn(folder) {
  const found = [];
  for (const entry of (await entriesIn(folder)).filter((each) => !isHidden(each))) {
    if (entry.isDirectory) found.push(...(await photosIn(entry)));
    else found.push(await promised((...done) => entry.file(...done)));
  }
  return found.filter(isPicture);
}

// Files, and the names of folders that hold no photo or cannot be read. A browser forgets the items of a transfer
// once its event is over: all are asked for their entry before the first is waited for.
export async function handedOver(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  const told = items.map((item) => ({ entry: item.webkitGetAsEntry?.(), file: item.getAsFile() }));
  const files = [];
  const emptyFolders = [];
  for (const { entry, file } of told) {
    const found = entry?.isDirectory ? await photosIn(entry).catch(() => []) : [file];
    files.push(...found);
    if (!found.length) emptyFolders.push(entry.name);
  }
  return { files, emptyFolders };
}
