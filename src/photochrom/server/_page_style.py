"""How the page looks, what stands on it, and the few lines of script that a browser needs beyond Gradio's own."""

__all__ = [
    "ABOUT_CERTAINTY",
    "ABOUT_HINTS",
    "COLORS",
    "CSS",
    "FOOTER",
    "HEADER",
    "SANS",
    "SAVE_SCRIPT",
    "VIEWS",
    "WELCOME",
    "head_for",
]

SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
SERIF = '"Iowan Old Style", "Palatino Linotype", Palatino, "Book Antiqua", "URW Palladio L", Georgia, serif'
"""Fonts that machines have: none is fetched."""

COLORS = (
    ("Skin", "#c68a67"),
    ("Brown", "#6b4a2f"),
    ("Blond", "#c9a35c"),
    ("Red", "#a8342b"),
    ("Green", "#4d6f3a"),
    ("Sky", "#6f9cc9"),
    ("Navy", "#2b3a67"),
    ("Cream", "#e6d8b8"),
)
"""Colors to choose a hint from: of people, and of what they often wear."""

VIEWS = {"Compare": "comparing", "Set colors": "hinting", "How sure": "doubting"}
"""The ways to look at a photo, and the part of the page that each shows."""

HEADER = """
<header class="masthead">
  <svg viewBox="0 0 44 44" width="40" height="40" aria-hidden="true">
    <g class="grains"><circle cx="16" cy="17" r="12" fill="#d9663a"/><circle cx="28" cy="17" r="12" fill="#3f8f6b"/>
    <circle cx="22" cy="27" r="12" fill="#6a5ca8"/></g>
  </svg>
  <div><h1>photochrom</h1><p>Old photos, in color.</p></div>
</header>
<div id="refused" class="notice wrong" role="alert"></div>
"""

WELCOME = """
<div class="welcome"><h2>Bring an old photo to life</h2>
<p>Drop a black-and-white picture below. You will see it in color in a moment, beside the original.</p></div>
"""

FOOTER = """
<footer class="colophon"><p><strong>Colors are guesses.</strong> A gray photo does not say which they were.</p>
<p><strong>Photos stay on the machine that runs this page.</strong> Nothing is sent anywhere else, and what you load is
deleted after your visit.</p></footer>
"""

ABOUT_HINTS = "You know a color? Choose it, then click its place in the photo."

ABOUT_CERTAINTY = """
<div class="legend"><span>mere guess</span><span class="ramp" aria-hidden="true"></span><span>nearly certain</span>
</div>
"""

_HEAD = """
<meta name="color-scheme" content="light dark">
<script>
// Photos can be chosen, dropped anywhere or pasted: all go by the visible field for files, but for those too large.
(() => {
  const MOST_BYTES = 0;
  const give = (files) => {
    const input = [...document.querySelectorAll("#welcome input[type=file], #shelf input[type=file]")]
      .find((each) => each.closest("#welcome, #shelf").offsetParent);
    if (!input || !files || !files.length) return false;
    const transfer = new DataTransfer();
    for (const file of files) transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  };
  const tell = (files) => {
    const words = `larger than ${MOST_BYTES / 1e6} MB, the most that is taken; make it smaller`;
    document.querySelector("#refused").textContent = files.map((file) => `${file.name}: ${words}`).join("\\n");
  };
  document.addEventListener("change", (event) => {
    if (event.target.type !== "file") return;
    const [large, fit] = [true, false].map((isLarge) =>
      [...event.target.files].filter((file) => (file.size > MOST_BYTES) === isLarge));
    if (large.length) {
      event.stopImmediatePropagation();
      give(fit);
      tell(large);
    } else tell([]);
  }, true);
  document.addEventListener("paste", (event) => { if (give(event.clipboardData?.files)) event.preventDefault(); });
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  document.addEventListener("dragover", (event) => { if (hasFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    give(event.dataTransfer.files);
  }, true);
})();
</script>
"""
SAVE_SCRIPT = """
() => setTimeout(() => document.querySelector("#ready a, a#ready, #ready button, button#ready")?.click(), 150)
"""
"""Hands the file that was made to the browser, once the page knows of it."""

CSS = (
    """
:root { --paper: #f6f2ea; --sheet: #fffdf9; --ink: #2a2521; --soft: #6f655b; --line: #e2d9cb; --clay: #b3502b; }
.dark { --paper: #181512; --sheet: #211d19; --ink: #f1eae0; --soft: #b3a798; --line: #38312a; --clay: #e58a5f; }
body, gradio-app { background: var(--paper) !important; }
.gradio-container { max-width: 1180px !important; width: 100% !important; margin: 0 auto !important; }
.gradio-container > .main { padding: 18px 28px 30px !important; max-width: none !important; width: 100%; }
main.contain, main.contain > .column { width: 100%; gap: 16px; }
.gradio-container, .gradio-container .prose { color: var(--ink); }
.html-container { padding: 0 !important; }
.form { background: none !important; border: 0 !important; gap: 16px !important; box-shadow: none !important; }
.prose .heading, .heading { font-size: .85rem; color: var(--soft); margin: 0; }

.dark input[type=range] { --neutral-200: #4a4138; }
.masthead { margin-bottom: 8px; display: flex; align-items: center; gap: 14px; }
.masthead h1 { font: 600 1.7rem/1.1 SERIF_STACK; letter-spacing: -.01em; margin: 0; color: var(--ink); }
.masthead p { margin: 2px 0 0; color: var(--soft); font-size: .95rem; }
.grains circle { mix-blend-mode: multiply; opacity: .92; }
.dark .grains circle { mix-blend-mode: screen; }

#welcome { max-width: 780px; margin: 0 auto; gap: 18px; }
.welcome { text-align: center; padding: 6vh 0 14px; }
.welcome h2 { font: 500 clamp(1.9rem, 5vw, 2.9rem)/1.15 SERIF_STACK; letter-spacing: -.015em; margin: 0 0 12px;
  color: var(--ink); }
.welcome p { color: var(--soft); font-size: 1.06rem; max-width: 34em; margin: 0 auto; line-height: 1.55;
  text-wrap: balance; }

#drop { border: 0 !important; }
#drop button { min-height: 240px; border: 1.5px dashed #cbbfae; border-radius: 18px; background: var(--sheet);
  transition: border-color .15s, box-shadow .15s; display: flex; flex-direction: column; align-items: center;
  justify-content: center; gap: 10px; cursor: pointer; }
.dark #drop button { border-color: #5a5046; }
#drop button:hover, #drop button:focus-visible { border-color: var(--clay);
  box-shadow: 0 6px 28px rgb(80 50 20 / .09); }
#drop button > * { display: none; }
#drop button::before { content: "Drop photos here"; font: 500 1.4rem/1.2 SERIF_STACK; color: var(--ink); }
#drop button::after { content: "or click to choose them, or paste one"; color: var(--soft); font-size: .95rem; }
#samples { justify-content: center; align-items: center; gap: 10px; flex-wrap: wrap; }
#samples p { margin: 0; color: var(--soft); }
#samples > * { flex: 0 0 auto !important; min-width: 0 !important; width: auto !important; padding: 5px 12px; }
#samples > .block { padding: 0; }

.notice { border-radius: 12px; padding: 12px 16px; background: var(--sheet); border: 1px solid var(--line);
  line-height: 1.5; }
.notice.wrong { border-left: 4px solid var(--clay); }
.notice p { margin: 0 !important; overflow-wrap: anywhere; }
.notice progress { width: 100%; accent-color: var(--clay); height: 8px; margin-top: 8px; display: block; }
.notice progress { appearance: none; border: 0; border-radius: 4px; overflow: hidden; background: var(--line); }
.notice progress::-webkit-progress-bar { background: var(--line); }
.notice progress::-webkit-progress-value { background: var(--clay); transition: width .3s; }
.notice progress::-moz-progress-bar { background: var(--clay); }

/* What is shown follows from what there is: a caption once a photo is open, a notice when it came in color. */
#notice { position: sticky !important; top: 8px; z-index: 20; overflow: visible !important; }
#refused { white-space: pre-line; }
#refused:empty, #notice:not(:has(.notice)), #in-color:not(:has(.notice)), main:has(#in-color .notice) #bench,
main:has(.caption) #welcome, main:not(:has(.caption)) :is(#bench, #shelf),
#shelf:not(:has(.gallery-item:nth-child(2))) :is(#strip, #save-all) { display: none !important; }

#bench { gap: 30px; align-items: flex-start; }
#stage { gap: 10px; }
.caption { display: flex; justify-content: space-between; gap: 4px 14px; flex-wrap: wrap; align-items: baseline; }
.caption b { font: 600 1.15rem/1.3 SERIF_STACK; overflow-wrap: anywhere; }
.caption span { color: var(--soft); font-size: .88rem; }
#view { padding: 0; }
#view .wrap { display: inline-flex; gap: 2px; padding: 3px; border-radius: 12px;
  background: color-mix(in srgb, var(--ink) 8%, transparent); }
#view label { background: none; border: 0; box-shadow: none; border-radius: 9px; padding: 6px 16px; color: var(--ink);
  font-size: .93rem; }
#view label.selected { background: var(--sheet); box-shadow: 0 1px 3px rgb(40 25 10 / .18); }
#view input { position: absolute; opacity: 0; pointer-events: none; }
#view label span { margin: 0; }
label:has(input:focus-visible) { outline: 2px solid var(--clay); outline-offset: 2px; }
#history > * { flex: 0 0 auto !important; min-width: 76px !important; }
#by-keys { padding: 0 !important; color: var(--soft); }
#compare, #canvas, #sure { border-radius: 12px; overflow: hidden !important; }
#canvas button, #canvas .image-frame, #sure .image-container, #sure .image-frame { width: 100%; }
#canvas img, #sure img { width: 100%; object-fit: contain; max-height: 760px; }
#canvas img { cursor: crosshair; }
#compare .icon-button-wrapper { background: var(--sheet); border: 0; opacity: .9; }
#compare .handle-wrap, #compare .inner { color: var(--ink); }

#panel { background: var(--sheet); border: 1px solid var(--line); border-radius: 18px; padding: 20px; gap: 18px; }
#panel .block { padding: 0 !important; overflow: visible !important; }
#strength .head label, #vividness .head label { align-items: center; }
#guesses .grid-wrap, #strip .grid-wrap { padding: 2px; min-height: 0 !important; max-height: none !important;
  height: auto !important; overflow: visible; }
#guesses .grid-container, #strip .grid-container { gap: 10px; }
#strip .gallery-item, #strip .thumbnail-item { min-width: 0; width: 100%; }
#strip .grid-container { grid-template-columns: repeat(auto-fill, minmax(104px, 1fr)) !important; }
#guesses .thumbnail-item, #strip .thumbnail-item { border-radius: 10px; border: 0; box-shadow: 0 0 0 1px var(--line); }
#guesses .thumbnail-item.selected, #strip .thumbnail-item.selected { box-shadow: 0 0 0 2.5px var(--clay); }
.thumbnail-item .caption-label { inset: auto 0 0 0; border: 0; border-radius: 0; max-width: none; text-align: center;
  padding: 3px 6px; font-size: .78rem; color: var(--ink);
  background: color-mix(in srgb, var(--sheet) 86%, transparent); }
#panel #model { border-top: 1px solid var(--line) !important; border-radius: 0; padding-top: 14px !important; }
#model .prose { font-size: .84rem; overflow-x: auto; }

#palette .block { padding: 0 !important; overflow: visible !important; }
#palette .form { display: flex; flex-flow: row nowrap; align-items: center; gap: 12px !important; flex: 1 1 100%;
  overflow: visible !important; }
#swatches { flex: 1 1 auto !important; min-width: 0 !important; }
#swatches label span { margin: 0; }
#swatches .wrap { display: flex; flex-flow: row wrap; gap: 6px; }
#swatches label { padding: 5px 12px 5px 6px; border-radius: 999px; font-size: .85rem; background: var(--sheet);
  border: 1px solid var(--line); box-shadow: none; color: var(--ink); gap: 7px; }
#swatches label.selected { border-color: var(--clay); box-shadow: 0 0 0 1px var(--clay); }
#swatches input { appearance: none; width: 20px; height: 20px; border-radius: 50%; border: 1px solid rgb(0 0 0 / .2);
  margin: 0; background-image: none !important; box-shadow: none; }
#color { flex: 0 0 auto !important; min-width: 0 !important; overflow: visible !important; }
#color .dialog-button { width: 34px; height: 30px; border-radius: 999px; border: 1px solid var(--line);
  margin-right: 110px; }
#color .dialog-button::after { content: "or another color"; margin-left: 42px; white-space: nowrap; font-size: .85rem;
  color: var(--soft); }
.legend { display: flex; align-items: center; gap: 10px; color: var(--soft); font-size: .88rem; padding: 4px 2px; }
.ramp { flex: 0 1 220px; height: 10px; border-radius: 5px;
  background: linear-gradient(90deg, #00224e, #575d6d, #a59c74, #fee838); }

#in-color { max-width: 560px; gap: 12px; }
#actions { gap: 10px; flex-wrap: wrap; }
#actions > * { flex: 0 0 auto !important; min-width: 0 !important; width: auto !important; padding: 8px 18px; }
#ready { display: none; }
.colophon { border-top: 1px solid var(--line); margin-top: 20px; padding-top: 14px; font-size: .88rem; }
.colophon p { margin: 0 0 3px !important; color: var(--soft) !important; }
.colophon strong { color: var(--ink) !important; font-weight: 600; }
:focus-visible { outline: 2px solid var(--clay) !important; outline-offset: 2px; }

@media (max-width: 760px) {
  .gradio-container > .main { padding: 12px 16px 24px !important; }
  .welcome { padding: 14px 0 6px; }
  #drop button { min-height: 190px; }
  #bench { gap: 18px; flex-direction: column; }
  #bench > * { width: 100%; min-width: 0 !important; }
  #panel { padding: 16px; }
  #strip .grid-container { grid-template-columns: repeat(4, minmax(0, 1fr)) !important; gap: 6px; }
  #view, #view .wrap { width: 100%; } #view label { flex: 1 1 0; justify-content: center; padding: 7px 6px; }
}
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
""".replace("SERIF_STACK", SERIF)
    + "".join(
        f"#swatches label:nth-child({place}) input {{ background-color: {color} !important; }}\n"
        for place, (_, color) in enumerate(COLORS, start=1)
    )
    + "".join(
        f'#stage:not(:has(#view input[value="{view}"]:checked)) #{part} {{ display: none !important; }}\n'
        for view, part in VIEWS.items()
    )
)


def head_for(max_upload_bytes: int) -> str:
    """What stands in the page's head.

    Args:
        max_upload_bytes: The size of the largest file that is taken; larger ones are told without being sent.
    """
    return _HEAD.replace("MOST_BYTES = 0", f"MOST_BYTES = {max_upload_bytes}")
