// The charts of the page Health, and the same as a table. Values that are not known are gaps.

const KEPT = 600; // seconds
const HEIGHT = 130;
const CHARTS = [
  { place: "chart-waiting", at: 1, name: "Waiting in the queue" },
  { place: "chart-rate", at: 2, name: "Applied a second" },
];
const SHORT = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });

export class Series {
  constructor() {
    this.points = [];
    this.charts = [];
    this.section = document.getElementById("series");
    document.getElementById("series-table").addEventListener("toggle", (event) => { if (event.target.open) this.tabulate(); });
    new ResizeObserver(() => this.draw()).observe(this.section);
    new MutationObserver(() => this.restart()).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.restart());
  }

  /** All points: [seconds, waiting, applied a second]. */
  begin(points) {
    this.points = points;
    this.draw();
  }

  add(point) {
    const last = this.points.at(-1);
    if (last && point[0] <= last[0]) return;
    this.points.push(point);
    while (this.points[0][0] < point[0] - KEPT) this.points.shift();
    this.draw();
  }

  /** New charts, in the colours of now. */
  restart() {
    for (const chart of this.charts) chart.destroy();
    this.charts = [];
    this.draw();
  }

  data(at) {
    return [this.points.map((point) => point[0]), this.points.map((point) => point[at])];
  }

  /** One point is no line: there are no charts before the second. */
  draw() {
    this.section.hidden = this.points.length < 2;
    if (this.section.hidden) return;
    if (!this.charts.length) this.charts = CHARTS.map(({ place, at }) => chart(document.getElementById(place), this.data(at)));
    for (const [number, { place, at, name }] of CHARTS.entries()) {
      const box = document.getElementById(place);
      this.charts[number].setSize({ width: box.clientWidth, height: HEIGHT });
      this.charts[number].setData(this.data(at));
      box.setAttribute("aria-label", summary(name, this.points.map((point) => point[at])));
    }
  }

  /** The table is made when it is opened, so that it does not move while it is read. */
  tabulate() {
    const minutes = Map.groupBy(this.points, (point) => Math.floor(point[0] / 60));
    const rows = [...minutes].map(([minute, points]) => row([
      clock(minute * 60).slice(0, 5),
      shown(Math.max(...known(points, 1))),
      shown(mean(known(points, 2))),
    ]));
    document.querySelector("#series-table tbody").replaceChildren(...rows.reverse());
  }
}

/** A time of the day in UTC. */
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);
const known = (points, at) => points.map((point) => point[at]).filter((value) => value !== null);
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const shown = (value) => (Number.isFinite(value) ? SHORT.format(value) : "not known");

function summary(name, values) {
  const held = values.filter((value) => value !== null);
  if (!held.length) return `${name}: not known`;
  return `${name}: ${shown(held.at(-1))} now, at most ${shown(Math.max(...held))} in the last ten minutes`;
}

function row(cells) {
  const element = document.createElement("tr");
  for (const [number, text] of cells.entries()) {
    const cell = document.createElement("td");
    cell.textContent = text;
    if (number) cell.className = "num";
    element.append(cell);
  }
  return element;
}

function chart(box, data) {
  const style = getComputedStyle(box);
  const axis = { stroke: style.color, grid: { stroke: style.borderTopColor, width: 1 }, ticks: { show: false }, font: `11px ${style.fontFamily}` };
  return new window.uPlot({
    width: box.clientWidth,
    height: HEIGHT,
    cursor: { show: false },
    legend: { show: false },
    // From the first second on, the scale is that of the ten minutes: a shorter one would have labels of the same second.
    scales: { x: { range: (_chart, _low, high) => [high - KEPT, high] }, y: { range: (_chart, _low, high) => [0, Math.max(1, (high ?? 0) * 1.1)] } },
    series: [{}, { stroke: style.outlineColor, width: 1.5, points: { show: false } }],
    axes: [{ ...axis, space: 70, values: (_chart, ticks) => ticks.map(clock) }, { ...axis, size: 56, space: 28, values: (_chart, ticks) => ticks.map(shown) }],
  }, data, box);
}
