import assert from "node:assert/strict";
import type { Json } from "@shared/json.ts";
import {
  parseRows,
  serializeRows,
} from "../../../supabase/functions/pipelines/execution/formats.ts";
import { stepError } from "./failure.ts";

const WEATHER = new URL(
  "../../../node_modules/vega-datasets/data/seattle-weather.csv",
  import.meta.url,
);

Deno.test("the weather of Seattle is read whole and survives a round trip", async () => {
  const rows = await parseRows(await Deno.readTextFile(WEATHER), "csv");
  assert.equal(rows.length, 1461);
  assert.deepEqual(rows[0], {
    date: "2012-01-01",
    precipitation: 0,
    temp_max: 12.8,
    temp_min: 5,
    wind: 4.7,
    weather: "drizzle",
  });
  for (const format of ["csv", "json", "ndjson"] as const) {
    assert.deepEqual(await parseRows(await serializeRows(rows, format), format), rows);
  }
});

Deno.test("a broken row of the real file names its line", async () => {
  const lines = (await Deno.readTextFile(WEATHER)).split("\n");
  lines[999] = "2014-09-27,0.0,22.2";
  const error = await stepError(parseRows(lines.join("\n"), "csv"));
  assert.equal(error.code, "csv_invalid");
  assert.equal(error.position?.line, 1000);
  assert.match(error.message, /line 1000/);
  assert.equal(error.retryable, false);
});

Deno.test("cells become numbers, booleans and nulls only where nothing is lost", async () => {
  const cells: [string, unknown][] = [
    ["5.0", 5],
    ["-1.5e3", -1500],
    ["0", 0],
    ["007", "007"],
    ["+1", "+1"],
    ["1.", "1."],
    ["0x10", "0x10"],
    ["NaN", "NaN"],
    ["Infinity", "Infinity"],
    ["1e999", "1e999"],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", "9007199254740993"],
    ["12345678901234567890", "12345678901234567890"],
    ["0.1234567890123456789", "0.1234567890123456789"],
    ["true", true],
    ["False", "False"],
    ["", null],
    [" 1", " 1"],
    ["2012-01-01", "2012-01-01"],
    ['"a, ""b"""', 'a, "b"'],
    ['"two\nlines"', "two\nlines"],
  ];
  for (const [cell, value] of cells) {
    assert.deepEqual(await parseRows(`a,b\n${cell},x\n`, "csv"), [{ a: value, b: "x" }], cell);
  }
});

Deno.test("a csv may have a byte order mark, CRLF, blank lines and no rows", async () => {
  assert.deepEqual(await parseRows("\uFEFFa,b\r\n1,2\r\n\r\n3,4\r\n", "csv"), [
    { a: 1, b: 2 },
    { a: 3, b: 4 },
  ]);
  assert.deepEqual(await parseRows("a,b\n", "csv"), []);
  assert.deepEqual(await parseRows("", "csv"), []);
});

Deno.test("what a csv can't mean is refused with its line", async () => {
  const broken: [string, number][] = [
    ["a,b\n1,2\n1,2,3\n", 3],
    ['a,b\n"1,2\n', 2],
    ['a,b\n1,2\n1"x",2\n', 3],
    ["a,a\n1,2\n", 1],
    ["a,\n1,2\n", 1],
  ];
  for (const [text, line] of broken) {
    const error = await stepError(parseRows(text, "csv"));
    assert.equal(error.position?.line, line, `${text} ${error.message}`);
    assert.match(error.message, new RegExp(`line ${line}`));
  }
  const [row] = await parseRows("__proto__,a\n1,2\n", "csv");
  assert.deepEqual(Object.keys(row ?? {}), ["__proto__", "a"]);
});

Deno.test("a csv is written with a column for each key", async () => {
  const rows: Json[] = [{ a: 1, "b.c": "x,y" }, { a: null, d: [1, { e: true }] }, { f: false }];
  const text = await serializeRows(rows, "csv");
  assert.equal(text, 'a,b.c,d,f\n1,"x,y",,\n,,"[1,{""e"":true}]",\n,,,false\n');
  const error = await stepError(serializeRows([{ a: 1 }, 2], "csv"));
  assert.equal(error.message, "row 2 is not an object");
});

Deno.test("JSON errors name line and column", async () => {
  const broken: [string, number, number][] = [
    ['[\n  {"a": 1},\n  {"a": oops}\n]', 3, 9],
    ["[1, 2", 1, 6],
    ["[1 2]", 1, 4],
    ['["a\nb"]', 1, 4],
    ["[1,]", 1, 4],
    ['{"a" 1}', 1, 6],
    ["nope", 1, 2],
    ["", 1, 1],
    ["[1] x", 1, 5],
  ];
  for (const [text, line, column] of broken) {
    const error = await stepError(parseRows(text, "json"));
    assert.deepEqual([error.position?.line, error.position?.column], [line, column], text);
  }
  assert.match((await stepError(parseRows('{"a": 1}', "json"))).message, /array/);
});

Deno.test("an ndjson error names its line; blank lines don't count as rows", async () => {
  assert.deepEqual(await parseRows('{"a":1}\r\n\n2\n', "ndjson"), [{ a: 1 }, 2]);
  const error = await stepError(parseRows('{"a":1}\n\n{"a":}\n', "ndjson"));
  assert.equal(error.code, "ndjson_invalid");
  assert.deepEqual([error.position?.line, error.position?.column], [3, 6]);
});
