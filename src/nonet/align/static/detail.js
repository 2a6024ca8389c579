// One result, large, with what can be done with it.

import { imageAddress } from "./api.js";
import { byId, captionOf, make } from "./page.js";

const dialog = byId("detail");

// act("like" | "plus" | "minus", result)
export function onDetail(act) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) return dialog.close(); // beside the content
    const chosen = event.target.closest("button[data-act]");
    if (!chosen) return;
    dialog.close();
    act(chosen.dataset.act, dialog.result);
  });
}

export function showDetail(result) {
  dialog.result = result;
  const address = imageAddress(result.id);
  const image = dialog.querySelector("img");
  image.hidden = !result.present;
  if (result.present) image.src = address;
  else image.removeAttribute("src");
  image.alt = captionOf(result);
  const open = dialog.querySelector("a[data-act=open]");
  open.href = address;
  open.hidden = !result.present;
  byId("detail-title").textContent = captionOf(result);
  dialog.querySelector(".captions").replaceChildren(...result.captions.slice(1).map((text) => make("li", {}, text)));
  const size = `${result.width} × ${result.height}`;
  dialog.querySelector(".facts").textContent =
    [`score ${result.score.toFixed(3)}`, result.name, size, result.present ? "" : "this file is gone"].filter(Boolean).join(" · ");
  dialog.showModal();
}
