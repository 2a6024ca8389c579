// The frame of every page: light or dark, and the navigation on a narrow screen.

const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.scheme ? root.dataset.scheme === "dark" : system.matches);

// A colour of the style by its name, such as "--ink", as it is now.
export const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

// Calls back when the colours have changed, for drawings that hold those that they were drawn with.
export const onScheme = (redraw) => document.addEventListener("scheme", redraw);

function tell(button) {
  button.setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  button.title = button.getAttribute("aria-label");
  document.dispatchEvent(new Event("scheme"));
}

const button = document.getElementById("scheme");
button.hidden = false;
button.addEventListener("click", () => {
  root.dataset.scheme = isDark() ? "light" : "dark";
  // the server writes it into the next page, so that nothing flashes
  document.cookie = `scheme=${root.dataset.scheme}; path=/; max-age=31536000; SameSite=Strict`;
  tell(button);
});
system.addEventListener("change", () => tell(button));
tell(button);

const here = document.querySelector(".bar nav [aria-current]");
if (here) here.parentElement.scrollLeft = here.offsetLeft - (here.parentElement.clientWidth - here.clientWidth) / 2;
