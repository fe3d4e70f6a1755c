// What scripts add to the pages, which work without them: a list that narrows while one types, and a button to copy.
"use strict";

const field = document.getElementById("q");
const rows = Array.from(document.querySelectorAll("li[data-words]"));

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const row of rows) {
    row.hidden = !words.every((word) => row.dataset.words.includes(word));
    shown += row.hidden ? 0 : 1;
  }
  for (const section of document.querySelectorAll("section.tag")) {
    section.hidden = !section.querySelector("li[data-words]:not([hidden])");
  }
  document.getElementById("count").textContent = shown === 1 ? "1 operation" : `${shown} operations`;
}

if (field && !new URLSearchParams(location.search).get("q")) {
  field.addEventListener("input", narrow);
  field.form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) {
      event.preventDefault();
      field.focus();
    }
  });
  if (field.value) narrow();
}

const revisions = document.getElementById("revisions");
if (revisions) {
  revisions.querySelector("button").hidden = true;
  revisions.querySelector("select").addEventListener("change", () => revisions.submit());
}

for (const box of document.querySelectorAll(".copied")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(box.querySelector("pre").textContent);
    button.textContent = "Copied";
  });
  box.append(button);
}
