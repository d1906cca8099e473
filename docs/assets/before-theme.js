// What Material leaves no setting for. It runs when the page has been read, before the theme's own script.

// That one gets its turn when the page can be seen, and then wants to be told that there is a page.
const scripts = [...document.querySelector("#theme").content.querySelectorAll("script")]
for (const script of scripts) script.async = false // in this order
scripts.at(-1).onload = () => document.dispatchEvent(new Event("DOMContentLoaded"))
requestAnimationFrame(() => setTimeout(() => document.body.append(...scripts)))

// The search fetches its index and starts its worker when somebody searches, not with every page. Workers of our own,
// which are modules, start at once.
const searching = document.querySelector("[data-md-toggle=search]")
const { open, send } = XMLHttpRequest.prototype
const chinese = document.documentElement.lang === "zh"
XMLHttpRequest.prototype.open = function (method, url, ...rest) {
  const index = String(url).endsWith("/search_index.json")
  this.waits = index && !searching.checked
  open.call(this, method, index && chinese ? new URL("zh.json", url) : url, ...rest)
}
XMLHttpRequest.prototype.send = function (body) {
  if (this.waits) searching.addEventListener("change", () => send.call(this, body), { once: true })
  else send.call(this, body)
}
const AtOnce = Worker
// In the Chinese index each character is a word, and what has the characters of a question in any order is found. What
// has them beside each other is meant, if there is any: first what has them in a heading, then what explains them, which
// is what comes first in the menu.
const together = (pages, asked) => {
  const has = (html) => (asked.match(/\p{sc=Han}+/gu) ?? []).every((words) => html.replace(/<[^>]*>/g, "").includes(words))
  const told = ({ title, text }) => has(`${title} ${text}`)
  const named = (sections) => sections.some(({ title }) => has(title))
  const found = pages.filter((sections) => sections.some(told))
    .map((sections) => [...sections.filter(told), ...sections.filter((one) => !told(one) && !one.location.includes("#"))])
  const menu = Array.from(document.querySelectorAll(".md-nav--primary a[href]"), ({ href }) => href)
  const root = new URL(`${JSON.parse(document.getElementById("__config").textContent).base}/`, document.URL)
  const place = ([{ location }]) => menu.indexOf(new URL(location.split("#")[0], root).href)
  const others = found.filter((sections) => !named(sections)).sort((one, other) => place(one) - place(other))
  return found.length ? [...found.filter(named), ...others] : pages
}
window.Worker = class extends EventTarget {
  constructor(url, options) {
    super()
    if (options) return new AtOnce(url, options)
    this.url = url
  }
  postMessage(message) {
    if (!this.started) {
      this.started = new AtOnce(this.url)
      this.started.onmessage = ({ data }) => {
        if (chinese && data.data?.items) data.data.items = together(data.data.items, this.asked)
        this.dispatchEvent(new MessageEvent("message", { data }))
      }
    }
    this.asked = message.data
    const apart = chinese && typeof message.data === "string" && message.data.replace(/\p{sc=Han}/gu, "$& ")
    this.started.postMessage(apart ? { ...message, data: apart } : message)
  }
}

// Names and roles for those who do not see the page, keys for those who have no mouse.
document.querySelector("[data-md-component=search]").ariaLabel = chinese ? "搜索" : "Search"
for (const [toggle, name] of [["drawer", chinese ? "菜单" : "Menu"], ["search", chinese ? "搜索" : "Search"]]) {
  const label = document.querySelector(`.md-header__button[for=__${toggle}]`)
  const button = document.createElement("span")
  Object.assign(button, { role: "button", tabIndex: 0, ariaLabel: name })
  button.append(...label.childNodes)
  label.append(button)
  button.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return
    event.preventDefault()
    event.stopPropagation()
    label.click()
  })
}
// Programs can be scrolled by keyboard. Material takes that back where nothing hovers, and whoever was there is lost.
for (const code of document.querySelectorAll("pre > code")) {
  code.tabIndex = 0
  code.removeAttribute = () => {}
}
// The names of tabs can be, too, where they do not all fit.
for (const names of document.querySelectorAll(".tabbed-labels")) names.tabIndex = 0
// The bar that holds the copy button of a program is no navigation.
new MutationObserver(() => {
  for (const bar of document.querySelectorAll("nav.md-code__nav:not([role])")) bar.role = "none"
}).observe(document.querySelector("article"), { childList: true, subtree: true })
