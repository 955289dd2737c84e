// The supervisor's page: kept up to date, but not while somebody types into it.
import { problemIn } from "./requests.js";
import { showTimes } from "./times.js";

const team = document.getElementById("team");
const outage = document.getElementById("outage");

document.addEventListener("htmx:config:request", (event) => {
  const field = team.querySelector("input:focus") ?? [...team.querySelectorAll("input")].find((input) => input.value);
  if (field) event.preventDefault();
  event.detail.ctx.request.headers.Accept = "application/json";
});
document.addEventListener("htmx:after:swap", () => {
  outage.hidden = true;
  showTimes(team);
});
document.addEventListener("htmx:response:error", (event) => {
  const { text, response } = event.detail.ctx;
  outage.textContent = `${problemIn(text, response.status).detail} What is shown is old.`;
  outage.hidden = false;
});
showTimes();
