"use strict";
(() => {
  const report = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 20;
  const PAPER_WIDTH = 700; // A4 and Letter, less their margins, in CSS pixels
  const MOST_POINTS = 2500;
  // One palette: an egress has its colour, a kind of ending its shape.
  const SHAPES = {
    tcp_reset: ["x", "\u2716"], tcp_fin: ["square", "\u25a0"], tls_close_notify: ["diamond", "\u25c6"], tls_alert: ["triangle-down", "\u25bc"],
    ws_close: ["triangle-up", "\u25b2"], protocol_error: ["star", "\u2605"], silence: ["circle", "\u25cf"], unresponsive: ["circle-open", "\u25cb"],
    unreachable: ["square-open", "\u25a1"], kernel_timeout: ["diamond-open", "\u25c7"], found_dead: ["triangle-up-open", "\u25b3"], proxy_error: ["triangle-down-open", "\u25bd"],
  };
  const OTHER_SHAPE = ["cross", "\u271a"];
  const COLOURS = 8;
  const REASON = { path: "path change", sleep: "host slept", gap: "did not run", worker: "worker died", late: "stresser late", clock: "clock set", witness: "witness gap" };
  let isPrinting = false;

  const at = (id) => document.getElementById(id);
  const shapeOf = (kind) => SHAPES[kind] || OTHER_SHAPE;
  // Plotly reads a little HTML in texts; names from a file are no HTML.
  const inert = (text) => String(text).replace(/[&<>]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);

  function made(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  // The same words as the terminal's: three digits, two units.
  function duration(us) {
    if (us === null || us === undefined) return "-";
    if (us < 0) return "-" + duration(-us);
    if (us < 1e6) {
      const [value, unit] = us < 1e3 ? [us, "us"] : [us / 1e3, "ms"];
      return (value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)))) + " " + unit;
    }
    if (us < 60e6) return String(Number((us / 1e6).toPrecision(3))) + " s";
    let rest = Math.round(us / 1e6);
    const parts = [];
    for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
      const whole = Math.floor(rest / size);
      rest -= whole * size;
      if (whole || parts.length) parts.push([whole, unit]);
    }
    return parts.slice(0, 2).filter(([whole]) => whole).map(([whole, unit]) => whole + " " + unit).join(" ");
  }

  // On paper, and in pictures to take along, everything is light: see the style sheet.
  const setPaper = (isPaper) => { document.documentElement.toggleAttribute("data-paper", isPaper); known = null; };
  let known = null;
  const theme = () => (known ??= readTheme()); // asked for each point that is drawn

  function readTheme() {
    const style = getComputedStyle(document.documentElement);
    const value = (name) => style.getPropertyValue("--" + name).trim();
    const inks = Object.fromEntries(["ink", "soft", "line", "sheet", "paper", "beside"].map((name) => [name, value(name)]));
    return { ...inks, colours: [...Array(COLOURS).keys()].map((i) => value("e" + i)) };
  }

  function layout(more) {
    const { ink, soft, line, sheet } = theme();
    const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true, tickfont: { color: soft } };
    const result = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: ink, size: 12, family: "system-ui, sans-serif" },
      margin: { l: 55, r: 12, t: 10, b: 36 }, hovermode: "closest",
      hoverlabel: { bgcolor: sheet, bordercolor: line, font: { color: ink }, align: "left" },
      showlegend: false,
      ...more,
    };
    for (const key of Object.keys(result)) {
      if (/^[xy]axis/.test(key)) result[key] = { ...axis, ...result[key] };
    }
    return result;
  }
  const CONFIG = { displayModeBar: false, responsive: true, displaylogo: false, showTips: false };
  const draw = (id, traces, more) => {
    // What is folded has no size; it is drawn when it is opened.
    if (!at(id).clientWidth) return;
    const isTall = at(id).classList.contains("tall");
    const size = isPrinting ? { autosize: false, width: PAPER_WIDTH, height: isTall ? 420 : 300 } : { autosize: true };
    Plotly.react(at(id), traces, layout({ ...more, ...size }), CONFIG);
    legend(at(id), traces);
  };

  // Plotly's own legend takes the chart's room on a phone.
  function legend(chart, traces) {
    let list = chart.nextElementSibling;
    if (!list || !list.classList.contains("legend")) {
      list = made("ul", "legend");
      chart.after(list);
    }
    list.replaceChildren();
    for (const { label, shape, colour } of keysOf(traces)) {
      const item = made("li", "", label);
      const swatch = made("span", shape ? "shape" : "dash", shape);
      if (!shape) swatch.style.backgroundColor = colour;
      item.prepend(swatch);
      list.append(item);
    }
  }

  // Lines stand for egresses by colour, markers for kinds by shape; each once.
  function keysOf(traces) {
    const keys = new Map();
    for (const one of traces) {
      if (one.showlegend === false || keys.has(one.label)) continue;
      keys.set(one.label, one.mode === "markers" ? { label: one.label, shape: shapeOf(one.kind)[1] } : { label: one.label, colour: one.line.color });
    }
    return [...keys.values()];
  }

  // --- pictures and texts to take along ---------------------------------------------------------

  async function saved(chart, title) {
    setPaper(true);
    redraw();
    const { ink, paper } = theme();
    const { data, layout: drawn } = structuredClone({ data: chart.data, layout: chart.layout });
    setPaper(false);
    redraw();
    const keys = keysOf(data).map(({ label, shape, colour }) => (shape ? shape + " " + inert(label) : '<span style="color:' + colour + '">\u2501</span> ' + inert(label)));
    const whole = {
      ...drawn, autosize: false, title: { text: inert(title) + '<br><span style="font-size:12px">' + keys.join("   ") + "</span>", x: 0.02, xanchor: "left", font: { size: 18, color: ink } },
      paper_bgcolor: paper, plot_bgcolor: paper, margin: { ...drawn.margin, t: 80 },
    };
    const svg = await Plotly.toImage({ data, layout: whole }, { format: "svg", width: 1200, height: 640 });
    const image = new Image();
    image.src = svg;
    await image.decode();
    const canvas = made("canvas");
    [canvas.width, canvas.height] = [2400, 1280];
    canvas.getContext("2d").drawImage(image, 0, 0, 2400, 1280);
    const link = made("a");
    link.href = canvas.toDataURL("image/png");
    link.download = title.toLowerCase().replace(/[^a-z0-9]+/g, "-") + ".png";
    link.click();
  }

  async function copied(button) {
    const text = at(button.dataset.copy).textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // A file on disk is no secure context.
      const area = made("textarea", "", text);
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
  }

  // --- one run ---------------------------------------------------------------------------------

  function Run(run, n) {
    const { drops, anchor_us: anchor } = run;
    const text = (place) => drops.texts[place];
    const number = drops.session.length;
    const wall = (us) => (anchor === null ? us / 1000 : (anchor + us) / 1000);
    const endUs = run.elapsed_ns / 1000;
    const utc = (us) => {
      if (anchor === null) return duration(us) + " into the run";
      const moment = new Date(wall(us));
      return Number.isNaN(moment.getTime()) ? "-" : moment.toISOString().replace("T", " ").replace("Z", "");
    };
    const all = [wall(0), wall(endUs)];
    const pad = (all[1] - all[0]) * 0.01 || 1;
    const whole = [all[0] - pad, all[1] + pad];
    let range = [...whole];
    const names = [...new Set([...run.egresses, ...drops.egress_text.map(text)])];
    const rows = names.filter((name) => drops.egress_text.some((place) => text(place) === name));
    const colourOf = (egress) => theme().colours[Math.max(names.indexOf(egress), 0) % COLOURS];

    // Drops that a picture cannot tell apart become one larger dot.
    function gathered() {
      const [from, until] = range;
      const width = (until - from) / 400;
      const dots = new Map();
      for (let i = 0; i < number; i++) {
        const t = wall(drops.dead_us[i]);
        if (t < from || t > until) continue;
        const egress = text(drops.egress_text[i]);
        const kind = text(drops.kind_text[i]);
        const key = Math.floor((t - from) / width) + "|" + egress + "|" + kind;
        const dot = dots.get(key);
        if (dot) dot.drops.push(i);
        else dots.set(key, { t, egress, kind, drops: [i] });
      }
      return [...dots.values()];
    }

    function dropTraces() {
      const byKind = new Map();
      for (const dot of gathered()) {
        if (!byKind.has(dot.kind)) byKind.set(dot.kind, []);
        byKind.get(dot.kind).push(dot);
      }
      const kinds = [...byKind.keys()].sort();
      return kinds.map((kind, k) => {
        const dots = byKind.get(kind);
        const shift = kinds.length > 1 ? (k / (kinds.length - 1) - 0.5) * 0.5 : 0;
        return {
          type: "scatter", mode: "markers", label: kind, name: inert(kind), xaxis: "x", yaxis: "y2",
          kind, x: dots.map((dot) => dot.t), y: dots.map((dot) => rows.indexOf(dot.egress) + shift),
          text: dots.map((dot) => dotWords(dot)), hoverinfo: "text",
          marker: { symbol: shapeOf(kind)[0], color: dots.map((dot) => colourOf(dot.egress)), opacity: 0.8, size: dots.map((dot) => Math.min(6 + 1.3 * Math.sqrt(dot.drops.length), 16)) },
        };
      });
    }

    function dotWords(dot) {
      const [first] = dot.drops;
      const head = utc(drops.dead_us[first]) + "<br>" + inert(dot.egress);
      if (dot.drops.length > 1) return head + "<br>" + dot.drops.length + " drops: " + inert(dot.kind);
      return head + "<br>session " + drops.session[first] + ": " + inert(text(drops.words_text[first]));
    }

    function sessionTraces() {
      return run.timeline.sessions.map((one) => ({
        type: "scatter", mode: "lines", label: one.egress, name: inert(one.egress), xaxis: "x", yaxis: "y",
        x: one.t_us.map(wall), y: one.open, hoverinfo: "x+y+name",
        line: { shape: "hv", width: 1.8, color: colourOf(one.egress) },
      }));
    }

    const beside = [...(run.incidents.length ? ["incident"] : []), ...["path", "sleep", "gap", "worker", "late", "clock", "witness"].filter((what) => run.timeline.marks.some(([one]) => one === what))];

    function markTraces() {
      const [from, until] = range;
      const seen = run.incidents.filter(([, us]) => wall(us) >= from && wall(us) <= until);
      const shown = seen.length <= MOST_POINTS ? seen : [...seen].sort((a, b) => b[2] - a[2]).slice(0, MOST_POINTS);
      const traces = [{
        type: "scatter", mode: "markers", name: "incident of several drops", showlegend: false, xaxis: "x", yaxis: "y3",
        x: shown.map(([, us]) => wall(us)), y: shown.map(() => 0),
        text: shown.map(([id, us, , words]) => utc(us) + "<br>incident " + id + ": " + folded(words)), hoverinfo: "text",
        marker: { symbol: "diamond-wide", color: theme().beside, line: { width: 0 }, opacity: 0.7, size: shown.map(([, , size]) => Math.min(5 + 0.9 * Math.sqrt(size), 13)) },
      }];
      for (const what of beside.filter((one) => one !== "incident")) {
        const marks = run.timeline.marks.filter(([one]) => one === what);
        traces.push({
          type: "scatter", mode: "lines+markers", name: REASON[what], showlegend: false, xaxis: "x", yaxis: "y3",
          x: marks.flatMap(([, a, b]) => [wall(a), wall(b), null]), y: marks.flatMap(() => [beside.indexOf(what), beside.indexOf(what), null]),
          text: marks.flatMap(([, a, , words]) => { const t = utc(a) + "<br>" + folded(words); return [t, t, ""]; }), hoverinfo: "text",
          line: { width: 6, color: theme().beside }, marker: { size: 7, symbol: "square", color: theme().beside },
        });
      }
      return traces;
    }

    function timeline() {
      const isDate = anchor !== null;
      const high = Math.max(rows.length, 1);
      const low = beside.length;
      const foot = low ? 0.09 + 0.045 * low : 0.02, middle = Math.min(0.14 + 0.06 * high, 0.4);
      draw("chart-timeline-" + n, [...sessionTraces(), ...dropTraces(), ...markTraces()], {
        xaxis: { type: isDate ? "date" : "linear", range: [...range], anchor: "y3", title: { text: isDate ? "" : "ms into the run" } },
        yaxis: { domain: [foot + middle + 0.06, 1], rangemode: "tozero", title: { text: "open sessions" }, fixedrange: true },
        yaxis2: { domain: [foot + 0.03, foot + middle], range: [-0.6, high - 0.4], tickvals: rows.map((_, i) => i), ticktext: rows.map((egress) => inert(egress) + " drops"), fixedrange: true },
        yaxis3: { domain: [0, foot], range: [low - 0.4, -0.6], tickvals: beside.map((_, i) => i), ticktext: beside.map((what) => (what === "incident" ? "incidents" : REASON[what])), fixedrange: true },
        margin: { l: 60, r: 12, t: 10, b: 40 }, dragmode: "zoom", uirevision: "keep",
      });
    }

    function zoomTo(from, until) {
      const least = 20;
      if (until - from < least) { const middle = (from + until) / 2; from = middle - least / 2; until = middle + least / 2; }
      range = [Math.max(from, whole[0]), Math.min(until, whole[1])];
      if (range[1] <= range[0]) range = [...whole];
      timeline();
      if (at("zoomed-" + n).checked) { page = 0; table(); }
    }

    function zoomBy(how) {
      const [from, until] = range;
      const span = until - from;
      if (how === "all") return zoomTo(...whole);
      if (how === "in") return zoomTo(from + span / 4, until - span / 4);
      if (how === "out") return zoomTo(from - span / 2, until + span / 2);
      const step = how === "left" ? -Math.min(span / 2, from - whole[0]) : Math.min(span / 2, whole[1] - until);
      return zoomTo(from + step, until + step);
    }

    // --- curves ---------------------------------------------------------------------------------

    // Limits as bands along an axis of time, with their words.
    function bands(axis, isWanted) {
      const { ink, paper } = theme();
      const isX = axis.axis === "x";
      const place = (seconds) => (axis.type === "log" ? Math.log10(seconds) : seconds);
      const drawn = run.limits.filter((one) => isWanted(one) && one.high_s > 0);
      return {
        shapes: drawn.map((one) => {
          const [low, high] = [Math.max(one.low_s, 1e-6), Math.max(one.high_s, 1e-6)];
          const along = isX ? { x0: low, x1: high, y0: 0, y1: 1, xref: "x", yref: "paper" } : { x0: 0, x1: 1, y0: low, y1: high, xref: "paper", yref: "y" };
          return { type: "rect", ...along, line: { width: 1.5, color: one.egress ? colourOf(one.egress) : ink, dash: "dot" }, fillcolor: one.egress ? colourOf(one.egress) : ink, opacity: 0.45, layer: "below" };
        }),
        annotations: drawn.map((one, i) => ({
          text: "<b>" + inert(one.words) + "</b>" + (one.egress ? " (" + inert(one.egress) + ")" : ""), showarrow: false, font: { size: 12, color: ink }, bgcolor: paper, opacity: 0.85,
          ...(isX ? { x: place(one.high_s), y: 0.5 - 0.09 * i, yref: "paper", xanchor: "left", yanchor: "bottom", xshift: 4 } : { x: 1, xref: "paper", xanchor: "right", y: place(one.high_s), yanchor: "bottom" }),
        })),
      };
    }

    function survival() {
      const longest = Math.max(1, ...run.survival.map((one) => one.last_seen_s));
      // A timer of seconds in a run of hours stands at the very edge of a plain axis.
      const isLog = run.limits.some((one) => one.high_s > 0 && one.high_s < longest / 25);
      const least = Math.min(longest / 1000, ...run.limits.map((one) => Math.max(one.low_s, 0.01) / 3));
      const started = (t) => (isLog ? Math.max(t, least) : t);
      const traces = run.survival.flatMap((one) => {
        const colour = colourOf(one.egress);
        const x = [...one.times_s, one.last_seen_s].map(started);
        const closed = (values) => [...values, values[values.length - 1]];
        const band = { type: "scatter", mode: "lines", line: { width: 0, shape: "hv" }, hoverinfo: "skip", showlegend: false };
        return [
          { ...band, x, y: closed(one.high) },
          { ...band, x, y: closed(one.low), fill: "tonexty", fillcolor: colour + "2e" },
          {
            type: "scatter", mode: "lines", label: one.egress + ": " + one.died.toLocaleString("en") + " of " + one.sessions.toLocaleString("en") + " dropped", name: inert(one.egress), x, y: closed(one.share),
            text: x.map((t, k) => inert(one.egress) + "<br>" + (100 * closed(one.share)[k]).toFixed(1) + " % alive after " + duration(t * 1e6)), hoverinfo: "text",
            line: { shape: "hv", width: 2.5, color: colour },
          },
        ];
      });
      const axis = isLog ? { ...logTicks(least, longest), range: [Math.log10(least), Math.log10(longest)] } : { ...timeTicks(longest), range: [0, longest] };
      draw("chart-survival-" + n, traces, {
        xaxis: { ...axis, title: { text: "age of the session" } },
        yaxis: { range: [0, 1.02], tickformat: ".0%", title: { text: "still alive" } },
        ...bands({ axis: "x", type: axis.type }, () => true),
      });
    }

    function timeTicks(seconds) {
      const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];
      const step = steps.find((one) => seconds / one <= 6) || seconds / 5;
      const tickvals = [];
      for (let value = 0; value <= seconds && tickvals.length < 50; value += step) tickvals.push(value);
      return { tickvals, ticktext: tickvals.map((value) => (value ? duration(value * 1e6) : "0")) };
    }

    const LOG_TICKS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 60, 600, 3600, 36000, 360000];
    const logTicks = (least, most) => {
      let tickvals = LOG_TICKS.filter((value) => value >= least / 1.01 && value <= most * 1.01);
      if (tickvals.length < 3 && most > least) {
        tickvals = [0, 1, 2, 3, 4].map((i) => least * (most / least) ** (i / 4));
      }
      return { type: "log", tickvals, ticktext: tickvals.map((value) => duration(value * 1e6)) };
    };

    function quantiles() {
      const chosen = at("quantity-" + n).value;
      const curves = run.quantiles.filter((one) => one.quantity === chosen);
      const place = (q) => -Math.log10(1 - q);
      const traces = curves.map((one) => {
        const x = one.values_ns.map((_, k) => place(report.quantile_places[k]));
        const y = one.values_ns.map((ns) => Math.max(ns, 1) / 1e9);
        return {
          type: "scatter", mode: "lines+markers", label: one.egress + ": " + one.count.toLocaleString("en") + " samples", x, y,
          text: y.map((s, k) => inert(one.egress) + "<br>p" + Number((100 * report.quantile_places[k]).toFixed(3)) + ": " + duration(s * 1e6)), hoverinfo: "text",
          line: { width: 2, color: colourOf(one.egress) }, marker: { size: 4 },
        };
      });
      const values = traces.flatMap((one) => one.y);
      const [least, most] = [Math.min(...values, 1) , Math.max(...values, 0)];
      const places = [0, 0.5, 0.9, 0.99, 0.999, 0.9999];
      draw("chart-quantiles-" + n, traces, {
        xaxis: { tickvals: places.map(place), ticktext: ["min", "p50", "p90", "p99", "p99.9", "p99.99"] },
        yaxis: values.length ? { ...logTicks(least, Math.max(most, least * 1.2)), autorange: true } : {},
      });
    }

    function scatter() {
      const cells = new Map();
      const place = (us) => Math.round((number > 2000 ? 60 : 400) * Math.log10(Math.max(us, 1000)));
      for (let i = 0; i < number; i++) {
        if (drops.idle_us[i] === null) continue;
        const key = place(drops.age_us[i]) + "|" + place(drops.idle_us[i]) + "|" + drops.kind_text[i] + "|" + drops.egress_text[i];
        const cell = cells.get(key);
        if (cell) cell.push(i); else cells.set(key, [i]);
      }
      const byKind = new Map();
      for (const members of cells.values()) {
        const kind = text(drops.kind_text[members[0]]);
        if (!byKind.has(kind)) byKind.set(kind, []);
        byKind.get(kind).push(members);
      }
      const seconds = (us) => Math.max(us, 1000) / 1e6;
      const traces = [...byKind.keys()].sort().map((kind) => {
        const groups = byKind.get(kind);
        return {
          type: "scatter", mode: "markers", label: kind, name: inert(kind),
          kind, x: groups.map(([i]) => seconds(drops.age_us[i])), y: groups.map(([i]) => seconds(drops.idle_us[i])),
          text: groups.map((g) => (g.length > 1 ? g.length + " drops: " : "session " + drops.session[g[0]] + ": ") + inert(kind) + "<br>age " + duration(drops.age_us[g[0]]) + ", silent " + duration(drops.idle_us[g[0]])), hoverinfo: "text",
          marker: { symbol: shapeOf(kind)[0], color: groups.map(([i]) => colourOf(text(drops.egress_text[i]))), opacity: 0.7, size: groups.map((g) => Math.min(6 + 1.1 * Math.sqrt(g.length), 15)) },
        };
      });
      const ages = bands({ axis: "x", type: "log" }, (one) => one.is_age);
      const silences = bands({ axis: "y", type: "log" }, (one) => !one.is_age);
      const xs = traces.flatMap((one) => one.x), ys = traces.flatMap((one) => one.y);
      const ends = (values) => (values.length ? [Math.min(...values) / 1.5, Math.max(...values) * 1.5] : [0.1, 10]);
      const xe = ends(xs), ye = ends(ys);
      draw("chart-scatter-" + n, traces, {
        xaxis: { ...logTicks(...xe), range: xe.map(Math.log10), title: { text: "age" } },
        yaxis: { ...logTicks(...ye), range: ye.map(Math.log10), title: { text: "silent before" } },
        shapes: [...ages.shapes, ...silences.shapes], annotations: [...ages.annotations, ...silences.annotations], margin: { l: 60, r: 12, t: 22, b: 36 },
      });
    }

    // --- the table ------------------------------------------------------------------------------

    let page = 0;
    let chosen = [];
    const opened = new Set();
    const haystacks = new Map();

    function haystack(i) {
      let hay = haystacks.get(i);
      if (hay === undefined) {
        hay = [
          "session " + drops.session[i], drops.local[i], utc(drops.dead_us[i]),
          ...[drops.endpoint_text[i], drops.egress_text[i], drops.activity_text[i], drops.kind_text[i], drops.initiator_text[i], drops.words_text[i], drops.remote_text[i], ...drops.card[i]].map(text),
        ].join("\n").toLowerCase();
        haystacks.set(i, hay);
      }
      return hay;
    }

    function filtered() {
      const wanted = (name) => at(name + "-" + n).value;
      const [kind, initiator, egress, incident] = ["kind", "initiator", "egress", "incident"].map(wanted);
      const words = wanted("search").toLowerCase().split(/\s+/).filter(Boolean);
      const isZoomed = at("zoomed-" + n).checked;
      const result = [];
      for (let i = 0; i < number; i++) {
        if (kind && text(drops.kind_text[i]) !== kind) continue;
        if (initiator && text(drops.initiator_text[i]) !== initiator) continue;
        if (egress && text(drops.egress_text[i]) !== egress) continue;
        if (incident && drops.incident[i] !== Number(incident)) continue;
        const t = wall(drops.dead_us[i]);
        if (isZoomed && (t < range[0] || t > range[1])) continue;
        if (words.length && !words.every((word) => haystack(i).includes(word))) continue;
        result.push(i);
      }
      return result;
    }

    function table() {
      chosen = filtered();
      const pages = Math.max(Math.ceil(chosen.length / PAGE), 1);
      page = Math.min(page, pages - 1);
      const body = at("rows-" + n);
      body.replaceChildren();
      for (const i of chosen.slice(page * PAGE, (page + 1) * PAGE)) {
        body.append(row(i));
        if (opened.has(i)) body.append(card(i));
      }
      const share = chosen.length === number ? number.toLocaleString("en") + " drops." : chosen.length.toLocaleString("en") + " of " + number.toLocaleString("en") + " drops.";
      at("shown-" + n).textContent = share + (chosen.length ? " Select one for its evidence." : "");
      at("page-" + n).textContent = "page " + (page + 1) + " of " + pages;
      at("earlier-" + n).disabled = page === 0;
      at("later-" + n).disabled = page >= pages - 1;
    }

    function row(i) {
      const line = made("tr", "row");
      line.tabIndex = 0;
      line.setAttribute("aria-expanded", String(opened.has(i)));
      const kind = made("td");
      kind.append(made("span", "shape e" + (Math.max(names.indexOf(text(drops.egress_text[i])), 0) % COLOURS), shapeOf(text(drops.kind_text[i]))[1]), text(drops.kind_text[i]));
      line.append(
        made("td", "", utc(drops.dead_us[i])), made("td", "session", String(drops.session[i])), made("td", "", text(drops.egress_text[i])),
        made("td", "", text(drops.endpoint_text[i])), kind, made("td", "n age", duration(drops.age_us[i])), made("td", "n silent", duration(drops.idle_us[i])),
        made("td", "words", text(drops.words_text[i])),
      );
      const toggle = () => {
        if (opened.has(i)) { opened.delete(i); line.nextSibling.remove(); } else { opened.add(i); line.after(card(i)); }
        line.setAttribute("aria-expanded", String(opened.has(i)));
      };
      line.addEventListener("click", () => { if (!String(getSelection())) toggle(); });
      line.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
      return line;
    }

    function card(i) {
      const line = made("tr");
      const cell = made("td", "card-cell");
      cell.colSpan = 8;
      const list = made("dl");
      const say = (what, value) => list.append(made("dt", "", what), made("dd", "", value));
      const [pings, pongs, messages, received, sent] = drops.counts[i];
      if (drops.is_dated[i]) say("died", utc(drops.dead_us[i]));
      else say("ended between", utc(drops.alive_us[i]) + " and " + utc(drops.dead_us[i]) + " (" + duration(drops.dead_us[i] - drops.alive_us[i]) + ")");
      say("detected", duration(drops.late_us[i]) + " later");
      say("activity", text(drops.activity_text[i]));
      if (drops.local[i]) say("from", drops.local[i]);
      if (text(drops.remote_text[i])) say("to", text(drops.remote_text[i]));
      say("counts", pings + " pings, " + pongs + " pongs, " + messages + " messages, " + received.toLocaleString("en") + " bytes in, " + sent.toLocaleString("en") + " bytes out");
      const lines = drops.card[i];
      for (let k = 0; k + 1 < lines.length; k += 2) say(text(lines[k]), text(lines[k + 1]));
      if (!lines.length) say("evidence", "left out of this report for its size: stresser show --session " + drops.session[i]);
      if (drops.incident[i]) {
        const incident = run.incidents.find(([id]) => id === drops.incident[i]);
        say("incident", drops.incident[i] + (incident ? ": " + incident[3] : ""));
      }
      const box = made("div", "card");
      box.append(list);
      cell.append(box);
      line.append(cell);
      return line;
    }

    function choices(name, title, values) {
      const select = at(name + "-" + n);
      select.append(new Option(title, ""));
      for (const [value, label] of values) select.append(new Option(label, value));
      select.addEventListener("change", () => { page = 0; table(); });
    }

    function counted(column) {
      const counts = new Map();
      for (const place of column) counts.set(text(place), (counts.get(text(place)) || 0) + 1);
      return [...counts].sort((a, b) => b[1] - a[1]).map(([value, count]) => [value, value + " (" + count.toLocaleString("en") + ")"]);
    }

    function start() {
      const quantity = at("quantity-" + n);
      for (const name of new Set(run.quantiles.map((one) => one.quantity))) quantity.append(new Option(name, name));
      quantity.addEventListener("change", quantiles);
      choices("kind", "every kind", counted(drops.kind_text));
      choices("initiator", "by anyone", counted(drops.initiator_text));
      choices("egress", "every egress", counted(drops.egress_text));
      const largest = [...run.incidents].sort((a, b) => b[2] - a[2]).slice(0, 200);
      choices("incident", "any incident", largest.map(([id, us, size]) => [String(id), "incident " + id + ", " + utc(us).slice(11, 19) + " (" + size + ")"]));
      at("search-" + n).addEventListener("input", () => { page = 0; table(); });
      at("zoomed-" + n).addEventListener("change", () => { page = 0; table(); });
      at("earlier-" + n).addEventListener("click", () => { page -= 1; table(); });
      at("later-" + n).addEventListener("click", () => { page += 1; table(); });
      at("durations-" + n).addEventListener("toggle", () => { scatter(); quantiles(); });
      drawAll();
      table();
      at("chart-timeline-" + n).on("plotly_relayout", (change) => {
        if (change["xaxis.autorange"]) zoomTo(...whole);
        else if (change["xaxis.range[0]"] !== undefined) zoomTo(moment(change["xaxis.range[0]"]), moment(change["xaxis.range[1]"]));
      });
      at("chart-timeline-" + n).on("plotly_doubleclick", () => { zoomTo(...whole); return false; });
    }

    // Plotly writes a zoomed date as "2026-11-23 01:02:03.4567", in UTC and without saying so.
    function moment(value) {
      if (typeof value === "number") return value;
      const [day, time = "00:00"] = value.split(" ");
      const [clock, part = "0"] = time.split(".");
      const full = clock.length === 5 ? clock + ":00" : clock;
      return Date.parse(day + "T" + full + "Z") + Number("0." + part) * 1000;
    }

    function drawAll() { timeline(); survival(); scatter(); quantiles(); }
    return { start, drawAll, zoomBy, get range() { return range; }, get chosen() { return chosen.length; } };
  }

  function folded(words) {
    const lines = [""];
    for (const word of String(words).split(" ")) {
      if ((lines[lines.length - 1] + word).length > 70) lines.push("");
      lines[lines.length - 1] += word + " ";
    }
    return inert(lines.join("\n")).replace(/\n/g, "<br>");
  }

  const runs = report.runs.map(Run);
  function redraw() { runs.forEach((run) => run.drawAll()); }
  for (const run of runs) run.start();
  for (const button of document.querySelectorAll("button[data-zoom]")) {
    button.addEventListener("click", () => runs[Number(button.dataset.run)].zoomBy(button.dataset.zoom));
  }
  for (const button of document.querySelectorAll("button[data-save]")) {
    button.addEventListener("click", () => saved(at(button.dataset.save), button.dataset.title));
  }
  for (const button of document.querySelectorAll("button[data-copy]")) button.addEventListener("click", () => copied(button));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { known = null; redraw(); });
  const onPaper = (isPaper) => { isPrinting = isPaper; setPaper(isPaper); redraw(); };
  addEventListener("beforeprint", () => onPaper(true));
  addEventListener("afterprint", () => onPaper(false));
  document.documentElement.dataset.ready = "yes";
})();
