// The page Check your table: what was dropped, chosen or pasted goes to the worker; its answer is written and drawn.

import { ramp } from "./ramp.js";
import { say } from "./words.js";

const $ = (id) => document.getElementById(id);
const answer = $("answer"), status = $("status"), choice = $("tensor"), words = JSON.parse($("words").textContent);
const LIKELY = /pos|time|sin|embed_p|pe$/i;

const element = (name, attributes, ...inside) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...inside);
  return made;
};

let worker, asked = 0, file, offered;

/** Ask the worker; what comes too late, after another question, is dropped. */
function ask(question, then) {
  worker ??= new Worker(new URL("check/worker.js", import.meta.url), { type: "module" });
  const id = ++asked;
  answer.replaceChildren();
  status.textContent = say("Reading …");
  worker.onmessage = ({ data }) => {
    if (data.id !== id) return;
    status.replaceChildren(element("span", { lang: "en" }, data.error ?? ""));
    if (!data.error) then(data);
  };
  worker.onerror = () => { status.textContent = say("This browser cannot run the check. Python can: pe.identify"); };
  worker.postMessage({ id, words, ...question });
}

// What is asked. ------------------------------------------------------------------------------------------------------

function take(chosen) {
  file = chosen;
  choice.parentElement.hidden = true;
  ask({ list: file }, ({ tensors }) => {
    if (tensors.length === 1) return ask({ file, tensor: tensors[0] }, show);
    offered = tensors.filter(({ mayBeTable }) => mayBeTable).sort((a, b) => LIKELY.test(b.name) - LIKELY.test(a.name));
    choice.replaceChildren(...[{ name: "" }, ...offered].map(({ name, shape }) =>
      element("option", {}, name ? `${name} (${shape.join(" × ")})` : say("Choose one"))));
    choice.parentElement.hidden = !offered.length;
    status.textContent = say("{0} holds {1} tensors, {2} of which may be a table. Likely names come first.", file.name, tensors.length, offered.length);
    choice.focus();
  });
}

choice.addEventListener("change", () => choice.selectedIndex && ask({ file, tensor: offered[choice.selectedIndex - 1] }, show));
$("file").addEventListener("change", () => $("file").files.length && take($("file").files[0]));
$("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  ask({ text: $("rows").value }, show);
});

const examples = JSON.parse($("examples").textContent);
for (const button of document.querySelectorAll("[data-example]"))
  button.addEventListener("click", () => {
    $("rows").value = examples[button.dataset.example];
    ask({ text: $("rows").value }, show);
  });

const drop = $("drop");
for (const kind of ["dragenter", "dragover", "dragleave", "drop"])
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle("over", /enter|over/.test(kind));
    if (kind === "drop" && event.dataTransfer.files.length) take(event.dataTransfer.files[0]);
  });

// What is answered. ---------------------------------------------------------------------------------------------------

/** Where each fault is explained: in the table of faults on this page, which links to Bugs. In Chinese, its name is in brackets. */
const faults = new Map(Array.from($("faults").querySelectorAll("td:first-child"), (cell) =>
  [cell.textContent.replace(/.*（|）$/g, ""), cell.querySelector("a")?.href ?? "#faults-that-it-names"]));
const links = new Map([...faults, ["Conventions", $("conventions").href]]), named = new RegExp(`(${[...links.keys()].join("|")})`);

/** A line with links where it names a fault or a page. */
const linked = (line) => line.split(named).map((part) => (links.has(part) ? element("a", { href: links.get(part) }, part) : part));

function show({ text, rows, columns, most, seen, second, faulty }) {
  const [verdict, ...lines] = text.split("\n");
  answer.append(element("p", { className: "said", lang: "en" }, verdict));
  for (const line of lines) {
    if (!line.startsWith("    ")) answer.append(element("p", { lang: "en" }, ...linked(line)));
    else {
      const code = element("code", { tabIndex: 0 }, line.trim()), copy = element("button", { type: "button" }, say("Copy"));
      copy.addEventListener("click", async () => {
        await navigator.clipboard.writeText(line.trim());
        copy.textContent = say("Copied");
      });
      answer.append(element("div", { className: "call" }, element("pre", {}, code), copy));
    }
  }
  const names = [[say("Your table"), seen], [faulty ? say("What it should be") : say("What the call makes"), second]].filter(([, entries]) => entries);
  answer.append(element("div", { className: "pictures" }, ...names.map(([name, entries]) => {
    const canvas = element("canvas", { width: columns, height: rows, role: "img", ariaLabel: say("{0}, {1} × {2}", name, rows, columns) });
    const pixels = Uint32Array.from(entries, (entry) => ramp[Math.min(Math.max(Math.round((entry / most) * 127.5 + 127.5), 0), 255)] ?? GREY);
    canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), columns), 0, 0);
    return element("figure", {}, canvas, element("figcaption", {}, name));
  })));
}

const GREY = 0xff808080; // of what is no number
