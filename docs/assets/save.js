// Each figure gets a button that saves it as a file that needs nothing of this page, in the colours that are shown.

// What a style sheet may set and a drawing hands down from an element to those inside it.
const LOOK = ["visibility", "fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap",
  "stroke-linejoin", "font-family", "font-size", "font-style", "font-weight", "text-anchor"];

export function download(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // when the browser has read it
}

/** A part of a picture, each cell of it as a rectangle of its colour. */
export function enlarged(picture, x, y, across, down, width, height) {
  const canvas = Object.assign(document.createElement("canvas"), { width, height }), context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(picture, x, y, across, down, 0, 0, width, height);
  return canvas;
}

/** The text of a file with what a drawing shows on the page. */
async function alone(svg) {
  const copy = svg.cloneNode(true), { x, y, width, height } = svg.viewBox.baseVal;
  const [shown, copied] = [svg, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  shown.forEach((element, n) => {
    const look = getComputedStyle(element), above = n ? getComputedStyle(element.parentElement) : {};
    for (const name of LOOK) if (look[name] !== above[name]) copied[n].style.setProperty(name, look[name]);
  });
  for (const name of ["class", "id", "aria-label", "role"]) copy.removeAttribute(name);
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.style.color = getComputedStyle(svg).color;
  const make = (name) => document.createElementNS(svg.namespaceURI, name);
  const title = make("title"), paper = make("rect");
  title.textContent = svg.getAttribute("aria-label");
  for (const [name, value] of Object.entries({ x, y, width, height })) paper.setAttribute(name, value);
  paper.style.cssText = `fill: ${getComputedStyle(document.body).backgroundColor}; stroke: none`;
  copy.prepend(title, paper);
  for (const image of copy.querySelectorAll("image")) {
    // Every program that reads SVG knows PNG, and few know WebP; nor do all of them enlarge a cell without blurring it.
    const picture = Object.assign(new Image(), { src: image.href.baseVal });
    await picture.decode();
    const { naturalWidth: across, naturalHeight: down } = picture;
    image.href.baseVal = enlarged(picture, 0, 0, across, down, ...[across, down].map((size) => size * Math.ceil(800 / size))).toDataURL();
  }
  return new XMLSerializer().serializeToString(copy);
}

const page = location.pathname.split("/").filter(Boolean).at(-1) ?? "figure";
document.querySelectorAll("figure:is(.drawn, .live):has(> svg)").forEach((figure, n) => {
  const svg = figure.querySelector("svg"), button = document.createElement("button");
  Object.assign(button, { className: "save", type: "button", textContent: "SVG", ariaLabel: document.documentElement.lang === "zh" ? `将图 ${n + 1} 存为 SVG` : `Save figure ${n + 1} as SVG` });
  button.addEventListener("click", async () => {
    download(`${page}-${n + 1}.svg`, new Blob([await alone(svg)], { type: "image/svg+xml" }));
  });
  figure.append(button);
});
