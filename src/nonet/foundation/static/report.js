// Draws the plots of a report when they come into view, in the colours of the page.
(() => {
  const plots = JSON.parse(document.getElementById("plots").textContent);
  const places = document.querySelectorAll(".plot");
  const drawn = new Set();
  const draw = (place) => {
    const plot = plots[place.dataset.plot];
    if (!plot) return;
    drawn.add(place);
    const style = getComputedStyle(document.documentElement);
    const layout = { ...plot.layout, paper_bgcolor: "rgba(0,0,0,0)", font: { ...(plot.layout.font || {}), color: style.getPropertyValue("--ink") } };
    if (style.colorScheme === "dark") layout.plot_bgcolor = "rgba(0,0,0,0)";
    Plotly.react(place, plot.data, layout, { responsive: true, displaylogo: false });
  };
  const seen = new IntersectionObserver(
    (entries) => entries.filter(({ isIntersecting, target }) => isIntersecting && !drawn.has(target)).forEach(({ target }) => draw(target)),
    { rootMargin: "800px" },
  );
  places.forEach((place) => seen.observe(place));
  addEventListener("beforeprint", () => places.forEach((place) => drawn.has(place) || draw(place)));
  document.addEventListener("scheme", () => drawn.forEach(draw));
})();
