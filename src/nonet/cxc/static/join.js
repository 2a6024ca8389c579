// Asks for a personal link and goes there.
const form = document.getElementById("join");
form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const problem = document.getElementById("problem");
  problem.hidden = true;
  try {
    const answer = await fetch("/cxc/join", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: new FormData(form).get("name") }),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.detail);
    location.assign(body.link);
  } catch (error) {
    problem.textContent = error instanceof TypeError ? "The server does not answer. Try again." : error.message;
    problem.hidden = false;
  }
});
