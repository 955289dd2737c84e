// What every page of the console does: ages of times are kept up to date.
import { showTimes } from "../desk/times.js";

showTimes();
document.addEventListener("htmx:after:swap", () => showTimes());
