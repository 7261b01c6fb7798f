/** Asked against obtained: the camera's way as it was sketched and as it was measured in the clip. */
import { h, plain } from "./dom.js";
import { get } from "./api.js";
import { s } from "./camera/svg.js";
import { fail } from "./toast.js";

const WAIT = 1500;
const [WIDE, HIGH, EDGE] = [288, 150, 14];

/** A section of the inspector that fills itself; "" for a clip without a path. `use` puts its path into the sketch. */
export function cameraSection(clip, use) {
  const path = clip.request.camera;
  if (!path) return "";
  const body = h("div", {});
  const follow = h("button", { type: "button", class: "gm-link", title: "Put this move into the sketch", onclick: use }, `${path.keys.length} keys`);
  const section = h("section", { class: "gm-obtained" }, h("h3", {}, "Camera: asked and obtained"), row("Move", follow), body);
  const look = async (tries) => {
    try {
      const { camera } = await get(`camera/clips/${clip.id}`);
      if (camera?.measuring) {
        body.replaceChildren(h("p", { class: "gm-muted" }, "Measuring the clip…"));
        const wait = () => (section.isConnected || tries < 2) && look(tries + 1);
        setTimeout(wait, WAIT);
      } else body.replaceChildren(...told(camera));
    } catch (error) {
      fail(error);
    }
  };
  look(0);
  return section;
}

function row(name, value) {
  return h("div", { class: "gm-fact" }, h("span", {}, name), h("span", {}, value));
}

function told(camera) {
  if (!camera) return [];
  if (camera.problem) return [h("p", { class: "gm-muted" }, `The camera could not be measured. ${camera.problem}`)];
  if (camera.doubt) return [h("p", { class: "gm-muted" }, `The camera could not be measured well enough to compare it. ${camera.doubt}`)];
  const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
  const turn = camera.rotation_degrees;
  const away = camera.translation_fraction;
  return [
    row("Rotation off by", `${plain(mean(turn), 1)}° on average, ${plain(Math.max(...turn), 1)}° at most`),
    row("Position off by", away ? `${plain(100 * mean(away), 1)} % of the way` : "not known: no travel was seen"),
    plot(camera),
    bars(turn),
    h("p", { class: "gm-k-legend" }, h("i", { class: "gm-k-asked" }), "asked ", h("i", { class: "gm-k-got" }), "obtained, from above · below: degrees off in each frame"),
  ];
}

/** Both ways from above, as large as they fit. */
function plot({ asked, obtained }) {
  const all = [...asked, ...obtained];
  const range = (axis) => [Math.min(...all.map((p) => p[axis])), Math.max(...all.map((p) => p[axis]))];
  const [[left, right], [near, far]] = [range(0), range(2)];
  const metre = Math.min((WIDE - 2 * EDGE) / Math.max(0.2, right - left), (HIGH - 2 * EDGE) / Math.max(0.2, far - near));
  const onto = (p) => [WIDE / 2 + (p[0] - (left + right) / 2) * metre, HIGH / 2 - (p[2] - (near + far) / 2) * metre].map((v) => v.toFixed(1)).join(" ");
  const line = (points, name) => s("path", { class: name, d: `M${points.map(onto).join("L")}` });
  return s("svg", { class: "gm-k-plot", viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": "Both ways from above" },
    line(asked, "gm-k-asked"), line(obtained, "gm-k-got"), s("path", { class: "gm-k-frames", d: `M${onto(asked[0])}h0` }));
}

function bars(values) {
  const most = Math.max(2, ...values);
  const wide = WIDE / values.length;
  return s("svg", { class: "gm-k-plot", viewBox: `0 0 ${WIDE} 34`, role: "img", "aria-label": "Degrees off in each frame" },
    ...values.map((value, i) => s("rect", { x: i * wide + 1, width: wide - 2, y: 33 - (32 * value) / most, height: Math.max(0.8, (32 * value) / most) }, s("title", {}, `Frame ${i + 1}: ${value.toFixed(2)}°`))));
}
