// Prints what hdr-histogram-js finds in a log, one JSON object a line.
// NODE_PATH=.../node_modules node hdr_log_reader.js histograms.hlog
"use strict";

const fs = require("fs");
const { HistogramLogReader } = require("hdr-histogram-js");

const reader = new HistogramLogReader(fs.readFileSync(process.argv[2], "utf8"));
for (;;) {
  const h = reader.nextIntervalHistogram();
  if (h === null) break;
  console.log(
    JSON.stringify({
      tag: h.tag,
      start_ms: h.startTimeStampMsec,
      length_ms: h.endTimeStampMsec - h.startTimeStampMsec,
      count: h.totalCount,
      p50: h.getValueAtPercentile(50),
      p99: h.getValueAtPercentile(99),
      max: h.maxValue,
      mean: h.mean,
    }),
  );
}
