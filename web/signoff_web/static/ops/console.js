// What every page of the console does: times are shown in the reader's own time zone.
import { showTimes } from "../desk/times.js";

showTimes();
document.addEventListener("htmx:after:swap", () => showTimes());
