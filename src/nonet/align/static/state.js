// What is being looked for, as a value, and its form in the address of the page.
//
// A part is {sign: "plus" | "minus", kind: "text" | "image" | "upload", value}. The address holds the whole state:
// ?q=a+cat&plus=text:in+love&minus=image:12&weight=1.5&where=width+>+800&collapse=1

export const DEFAULT_WEIGHT = 2; // words against pictures, as the ALIGN article found best
const KINDS = new Set(["text", "image", "upload"]);
const MOST_PARTS = 19; // that the server takes beside the words of the search field

export const EMPTY = Object.freeze({ words: "", parts: Object.freeze([]), weight: DEFAULT_WEIGHT, where: "", collapse: false });

export function fromAddress(search) {
  const values = new URLSearchParams(search);
  const parts = [];
  for (const [sign, text] of values) {
    const at = text.indexOf(":");
    const part = { sign, kind: text.slice(0, at), value: text.slice(at + 1) };
    if ((sign === "plus" || sign === "minus") && valid(part)) parts.push(part);
  }
  const weight = Number(values.get("weight") ?? DEFAULT_WEIGHT);
  return {
    words: (values.get("q") ?? "").slice(0, 2000),
    parts: parts.slice(0, MOST_PARTS),
    weight: weight >= 0.25 && weight <= 4 ? weight : DEFAULT_WEIGHT,
    where: (values.get("where") ?? "").slice(0, 500),
    collapse: values.get("collapse") === "1",
  };
}

export function toAddress(state) {
  const values = new URLSearchParams();
  if (state.words.trim()) values.set("q", state.words.trim());
  for (const part of state.parts) values.append(part.sign, `${part.kind}:${part.value}`);
  if (state.weight !== DEFAULT_WEIGHT) values.set("weight", state.weight);
  if (state.where.trim()) values.set("where", state.where.trim());
  if (state.collapse) values.set("collapse", "1");
  const text = values.toString();
  return text ? `?${text}` : "";
}

// The body of a request to the API, or null where nothing is looked for.
export function toRequest(state, k, offset) {
  const words = state.words.trim();
  const parts = state.parts.map((part) => (part.kind === "image" ? { ...part, value: Number(part.value) } : part));
  if (words) parts.unshift({ sign: "plus", kind: "text", value: words });
  if (!parts.length) return null;
  const request = { parts, k, offset, collapse: state.collapse };
  if (mixes(state)) request.text_weight = state.weight;
  if (state.where.trim()) request.where = state.where.trim();
  return request;
}

// Whether the query has both words and pictures, so that their weight against each other matters.
export function mixes(state) {
  const kinds = new Set(state.parts.map((part) => (part.kind === "text" ? "text" : "picture")));
  if (state.words.trim()) kinds.add("text");
  return kinds.size === 2;
}

export function withPart(state, part) {
  const same = (other) => other.kind === part.kind && other.value === part.value;
  const others = state.parts.filter((other) => !same(other));
  return valid(part) && others.length < MOST_PARTS ? { ...state, parts: [...others, part] } : state;
}

export function withoutPart(state, index) {
  return { ...state, parts: state.parts.filter((_, at) => at !== index) };
}

export function withSignTurned(state, index) {
  const turned = (part) => ({ ...part, sign: part.sign === "plus" ? "minus" : "plus" });
  return { ...state, parts: state.parts.map((part, at) => (at === index ? turned(part) : part)) };
}

function valid({ kind, value }) {
  if (!KINDS.has(kind)) return false;
  if (kind === "image") return /^\d{1,15}$/.test(value);
  if (kind === "upload") return /^[0-9a-f]{64}$/.test(value);
  return value.trim().length > 0 && value.length <= 2000;
}
