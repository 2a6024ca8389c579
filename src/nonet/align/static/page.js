// Two helpers for making elements.

export const byId = (id) => document.getElementById(id);

// An element with properties and children; `dataset` and attributes with a hyphen are understood.
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "dataset") Object.assign(element.dataset, value);
    else if (key.includes("-") || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

export function captionOf(picture) {
  return picture.captions[0] ?? picture.name;
}
