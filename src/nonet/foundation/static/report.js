// Draws the plots of a report when they come into view, in the colours of the page.
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const places = document.querySelectorAll(".plot");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = getComputedStyle(document.documentElement).getPropertyValue("--ink");
  const draw = (place) => {
    const plot = plots[place.dataset.plot];
    if (!plot) return;
    plots[place.dataset.plot] = null;
    const layout = { ...plot.layout, paper_bgcolor: "rgba(0,0,0,0)", font: { ...(plot.layout.font || {}), color: ink } };
    if (dark) layout.plot_bgcolor = "rgba(0,0,0,0)";
    Plotly.newPlot(place, plot.data, layout, { responsive: true, displaylogo: false });
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter((entry) => entry.isIntersecting).forEach((entry) => draw(entry.target)),
    { rootMargin: "800px" },
  );
  places.forEach((place) => seen.observe(place));
  addEventListener("beforeprint", () => places.forEach(draw));
})();
