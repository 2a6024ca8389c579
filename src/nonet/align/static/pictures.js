// Pictures that come from outside: picked, dropped on the page, or pasted.

import { byId } from "./page.js";

// bring(file, sign)
export function onPictures(bring, complain) {
  const file = byId("file");
  byId("pick").addEventListener("click", () => file.click());
  file.addEventListener("change", () => {
    if (file.files[0]) bring(file.files[0], "plus");
    file.value = ""; // so that the same file can be picked again
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...event.clipboardData.files][0];
    if (!pasted) return;
    event.preventDefault();
    bring(pasted, "plus");
  });
  watchDrops(bring, complain);
}

function watchDrops(bring, complain) {
  const veil = byId("drop");
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (hasFiles(event)) veil.hidden = false;
  });
  veil.addEventListener("dragover", (event) => {
    event.preventDefault();
    for (const zone of veil.children) zone.classList.toggle("over", zone.contains(event.target));
  });
  veil.addEventListener("dragleave", (event) => {
    if (!veil.contains(event.relatedTarget)) veil.hidden = true;
  });
  veil.addEventListener("drop", (event) => {
    event.preventDefault();
    veil.hidden = true;
    const [dropped] = event.dataTransfer.files;
    const sign = event.target.closest("[data-sign]")?.dataset.sign ?? "plus";
    if (dropped) bring(dropped, sign);
    else complain("That was not a file. Save the picture first, then drop the file.");
  });
}
