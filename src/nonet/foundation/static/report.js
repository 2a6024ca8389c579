// Draws the plots of a report when they come into view, in the colours of the page.
(() => {
  const OTHERS = ["#d9822b", "#2a9d8f", "#b8518f", "#8a9a3b", "#7b6fd0", "#c0504d", "#4f9bd0"]; // seen on light and on dark
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const places = document.querySelectorAll(".plot");
  const drawn = new Set();
  const draw = (place) => {
    const plot = plots[place.dataset.plot];
    if (!plot) return;
    drawn.add(place);
    if (plot.layout.height) place.style.minHeight = `${plot.layout.height}px`;
    Plotly.react(place, plot.data, framed(plot.layout), { responsive: true, displaylogo: false });
  };
  const framed = (own) => {
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const axes = ["xaxis", "yaxis", ...Object.keys(own).filter((name) => /^[xy]axis\d/.test(name))];
    const lines = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), automargin: true };
    return {
      margin: { l: 60, r: 16, t: own.title ? 48 : 24, b: 52 },
      colorway: [colour("--accent"), ...OTHERS],
      ...own,
      ...Object.fromEntries(axes.map((name) => [name, { ...lines, ...own[name] }])),
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { ...own.font, color: colour("--ink") },
    };
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter(({ isIntersecting, target }) => isIntersecting && !drawn.has(target)).forEach(({ target }) => draw(target)),
    { rootMargin: "800px" },
  );
  places.forEach((place) => seen.observe(place));
  addEventListener("beforeprint", () => places.forEach((place) => drawn.has(place) || draw(place)));
  document.addEventListener("scheme", () => drawn.forEach(draw));
})();
