import assert from "node:assert/strict";
import { type BarChart, barChart } from "@shared/bar_chart.ts";
import type { TimeBucket } from "@shared/chart_time.ts";
import { assertApart, assertInside, parsePicture, textAreas } from "../harness/pictures.ts";
import { descendants } from "../harness/xml.ts";

const HOUR = 3_600_000;
const SPAN = { hour: HOUR, day: 24 * HOUR, week: 7 * 24 * HOUR };
const SERIES = ["CREATE", "READ", "UPDATE", "DELETE"];

/** A chart of `count` bars from `start`; `value` is of bar and series. */
function chartOf(
  bucket: TimeBucket,
  start: string,
  count: number,
  value: (bar: number, series: number) => number = (bar, series) => (bar * 7 + series * 3) % 11,
): BarChart {
  return {
    title: "Audit log",
    subtitle: "All of it",
    unit: "actions",
    series: SERIES,
    bucket,
    bars: Array.from({ length: count }, (_, bar) => ({
      at: new Date(Date.parse(start) + bar * SPAN[bucket]),
      values: SERIES.map((_, series) => value(bar, series)),
    })),
  };
}

/** Draws a chart and fails where two texts overlap or one leaves the picture. */
function draw(chart: BarChart) {
  const root = parsePicture(barChart(chart));
  const found = textAreas(root);
  assertInside(root, found);
  assertApart(found);
  const elements = descendants(root);
  const named = (name: string) => elements.filter((element) => element.name === name);
  const areas = named("path").filter(({ attributes }) => attributes.fill?.startsWith("url("))
    .map(({ attributes }) => attributes.d ?? "");
  return { root, elements, named, areas, texts: found.map(({ name }) => name) };
}

Deno.test("a chart is a picture with a name, and nothing else", () => {
  const { root } = draw(chartOf("day", "2026-10-22T00:00:00Z", 31));
  assert.equal(root.children[0]?.text, "Audit log");
  assert.match(root.children[1]?.text ?? "", /^Thu,? 22 Oct 2026 to Sat,? 21 Nov 2026: /);
});

Deno.test("the legend names each series with its total, and the header tells the grand total", () => {
  const chart = chartOf("day", "2026-11-01T00:00:00Z", 10, (bar, series) => bar * 100 ** series);
  const { texts, root } = draw(chart);
  for (const text of ["CREATE 45", "READ 4,500", "UPDATE 450,000", "DELETE 45,000,000"]) {
    assert.ok(texts.includes(text), text);
    assert.ok(root.children[1]?.text.includes(text), text);
  }
  assert.ok(texts.includes("45,454,545"));
  assert.ok(texts.includes("actions in total") && texts.includes("actions per day"));
});

Deno.test("texts don't overlap, whatever the range", async (t) => {
  const ranges: Record<TimeBucket, string[]> = {
    hour: ["2026-11-20T23:00:00Z", "2026-12-31T05:00:00Z", "2026-09-30T00:00:00Z"],
    day: ["2026-10-31T00:00:00Z", "2026-12-30T00:00:00Z", "2026-09-01T00:00:00Z"],
    week: ["2026-11-16T00:00:00Z", "2026-12-28T00:00:00Z", "2023-09-04T00:00:00Z"],
  };
  for (const bucket of ["hour", "day", "week"] as const) {
    await t.step(bucket, () => {
      for (const start of ranges[bucket]) {
        for (const count of [1, 2, 3, 7, 24, 25, 31, 48, 72, 100, 144, 170, 400, 1000]) {
          const { named } = draw(chartOf(bucket, start, count));
          const ticks = named("path").filter(({ attributes }) => /v5$/.test(attributes.d ?? ""));
          assert.ok(ticks.length > 0, `${count} from ${start}: no label below the bars`);
        }
      }
    });
  }
});

Deno.test("labels fit the bucket", () => {
  const { texts: hours } = draw(chartOf("hour", "2026-11-20T14:00:00Z", 24));
  for (const text of ["14:00", "00:00", "Fri 20 Nov", "Sat 21 Nov"]) {
    assert.ok(hours.map((text) => text.replace(",", "")).includes(text), text);
  }
  const { texts: days } = draw(chartOf("day", "2026-10-22T00:00:00Z", 31));
  for (const text of ["22", "31", "1", "Oct 2026", "Nov 2026"]) {
    assert.ok(days.includes(text), text);
  }
  const { texts: weeks } = draw(chartOf("week", "2026-11-02T00:00:00Z", 12));
  for (const text of ["2 Nov", "4 Jan", "2026", "2027"]) assert.ok(weeks.includes(text), text);
});

Deno.test("an empty range says so", () => {
  const empty = chartOf("day", "2026-11-01T00:00:00Z", 30, () => 0);
  for (const chart of [empty, { ...empty, bars: [] }, { ...empty, bars: [], series: [] }]) {
    const { texts, areas, root } = draw(chart);
    assert.ok(texts.includes("Nothing in this time"));
    assert.match(root.children[1]?.text ?? "", /^Nothing in this time/);
    assert.ok(texts.includes("0"), "the grand total");
    assert.deepEqual(areas.filter((d) => d !== ""), []);
  }
  assert.ok(
    !draw(chartOf("day", "2026-11-01T00:00:00Z", 1)).texts.includes("Nothing in this time"),
  );
});

Deno.test("bars are as high as their values, stacked from the bottom", () => {
  const { areas } = draw(chartOf("hour", "2026-11-20T14:00:00Z", 1, (_, series) => series * 10));
  // 0 + 10 + 20 + 30 fill 260 pixels up to 60.
  const spans = areas.map((d) => /M\S+ (\S+)h\S+V([^h]+)h/.exec(d)?.slice(1).map(Number));
  assert.deepEqual(spans, [undefined, [216.67, 259], [130, 215.67], [0, 129]]);
});

Deno.test("170 bars are all drawn, the lowest too", () => {
  const chart = chartOf("hour", "2026-11-13T22:00:00Z", 170, (bar) => bar === 5 ? 1e9 : 1);
  const { areas, named } = draw(chart);
  for (const d of areas) assert.equal(d.split("M").length - 1, 170);
  const heights = [...areas.join("").matchAll(/M\S+ (\S+)h\S+V([^h]+)h/g)]
    .map(([, top, bottom]) => Number(bottom) - Number(top));
  assert.ok(heights.every((height) => height >= 0.99), `${Math.min(...heights)}`);
  const hints = named("rect").filter(({ attributes }) => attributes.class === "hint");
  assert.equal(hints.length, 170);
  assert.match(hints[5]?.text ?? "", /Sat,? 14 Nov 2026, 03:00 UTC\nCREATE 1,000,000,000\n/);
});

Deno.test("huge and tiny values are told in few characters", () => {
  const huge = draw(chartOf("day", "2026-11-01T00:00:00Z", 3, (bar) => bar * 1e300));
  assert.ok(huge.texts.includes("1.2E301"), huge.texts.join());
  const tiny = draw({
    ...chartOf("day", "2026-11-01T00:00:00Z", 3, (bar) => bar * 1e-6),
    format: { style: "currency", currency: "USD", maximumFractionDigits: 6 },
  });
  assert.ok(tiny.texts.includes("$0.000012") && tiny.texts.includes("CREATE $0.000003"));
  const counts = draw(chartOf("day", "2026-11-01T00:00:00Z", 3, (_, series) => series ? 0 : 1));
  assert.ok(counts.texts.every((text) => !/^0\.\d/.test(text)), "half an action is no action");
});

Deno.test("any text is shown as it is, and can't become markup", () => {
  const evil = `</text><script>alert(1)</script> & "quotes" 'n' \0\u0007\uD800 ]]> 🦊 漢字`;
  const shown = `</text><script>alert(1)</script> & "quotes" 'n' ��� ]]> 🦊 漢字`;
  const chart = {
    ...chartOf("day", "2026-11-01T00:00:00Z", 2),
    title: evil,
    subtitle: evil,
    unit: "<b>",
    series: [evil, "a", "b", "c"],
  };
  const { root, texts, named } = draw(chart);
  assert.equal(root.children[0]?.text, shown);
  assert.ok(texts.includes(shown), "the subtitle");
  assert.ok(texts.includes("<b> in total"));
  assert.deepEqual(named("script"), []);
  const names = { ...chart, bars: [{ at: evil, values: [1, 2, 3, 4] }] };
  assert.ok(draw(names).named("title").some(({ text }) => text.startsWith(shown)));
});

Deno.test("long texts are cut to their room", () => {
  const long = "W".repeat(500);
  const { texts } = draw({
    ...chartOf("day", "2026-11-01T00:00:00Z", 2),
    title: long,
    subtitle: long,
    series: [long, `${long}b`, `${long}c`, `${long}d`],
    bars: Array.from({ length: 40 }, () => ({ at: long, values: [1, 2, 3, 4] })),
  });
  assert.ok(texts.some((text) => /^W+…$/.test(text)));
  assert.ok(texts.some((text) => /^W+… 160$/.test(text)), "a total is never cut");
});

Deno.test("each series has a lightness or a pattern of its own, and more than 8 are folded", () => {
  const chartWith = (count: number) => ({
    ...chartOf("day", "2026-11-01T00:00:00Z", 0),
    series: Array.from({ length: count }, (_, index) => `series ${index}`),
    bars: [{ at: "all", values: Array.from({ length: count }, (_, index) => index + 1) }],
  });
  const eight = draw(chartWith(8));
  const patterns = eight.named("pattern").map(({ children }) => children[1]?.attributes.d);
  assert.equal(new Set(patterns).size, 8);
  assert.equal(eight.areas.length, 8);
  const twelve = draw(chartWith(12));
  assert.equal(twelve.areas.length, 8);
  assert.ok(twelve.texts.includes("5 others 15"), "1 + 2 + 3 + 4 + 5");
  assert.ok(twelve.texts.includes("series 11 12") && twelve.texts.includes("78"));
});

Deno.test("what can't be stacked is refused", () => {
  const chart = chartOf("day", "2026-11-01T00:00:00Z", 1);
  for (const values of [[1, 2, 3], [1, 2, 3, 4, 5], [1, 2, 3, -1], [1, 2, 3, NaN]]) {
    const bars = [{ at: new Date(), values }];
    assert.throws(() => barChart({ ...chart, bars }), RangeError, `${values}`);
  }
  const bars = [{ at: new Date(), values: [1, 2, 3, Infinity] }];
  assert.throws(() => barChart({ ...chart, bars }), RangeError);
});
