// Beside the copy button of a Python program, one that saves it as a notebook: a cell that installs what the program
// imports, and one with the program. A lab is a notebook as a whole.
const { page, installs } = document.currentScript.dataset
const distributions = Object.entries(JSON.parse(installs))
const PROGRAMS = "article .language-python.highlight:not(.doc-signature, .mkdocstrings-source *)"

const needs = (program) => {
  const imported = new Set([...program.matchAll(/^ *(?:import|from) (\w+)/gm)].map((match) => match[1]))
  return distributions.filter(([module]) => imported.has(module)).map(([, distribution]) => distribution)
}

const notebook = (program) => {
  const install = needs(program).length ? [`%pip install --quiet ${needs(program).join(" ")}`] : []
  const cells = [...install, program.trimEnd()].map((source, number) => ({
    cell_type: "code", id: `cell-${number}`, metadata: {}, execution_count: null, outputs: [], source,
  }))
  const kernelspec = { name: "python3", display_name: "Python 3", language: "python" }
  return JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }, null, 1)
}

const offer = (bar) => {
  const block = bar.closest(PROGRAMS)
  const program = () => block.querySelector("code").textContent
  if (!block || needs(program()).includes("")) return // the package has no address to install it from
  const button = document.createElement("button")
  Object.assign(button, { className: "md-code__button", title: document.documentElement.lang === "zh" ? "存为 notebook" : "Save as a notebook" })
  button.dataset.mdType = "notebook"
  button.addEventListener("click", () => {
    const number = [...document.querySelectorAll(PROGRAMS)].indexOf(block) + 1
    const link = document.createElement("a")
    link.href = URL.createObjectURL(new Blob([notebook(program())], { type: "application/x-ipynb+json" }))
    link.download = `${page.replaceAll("/", "-")}${number}.ipynb`
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000) // when the browser has read it
  })
  bar.append(button)
}

// The bar comes with the copy button, when the program comes into sight.
if (!page.startsWith("labs/"))
  new MutationObserver((changes) => {
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes]))
      if (node.matches?.(".md-code__nav")) offer(node)
  }).observe(document.querySelector("article"), { childList: true, subtree: true })
