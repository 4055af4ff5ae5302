import assert from "node:assert/strict";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import {
  categorize,
  createCategory,
  describeBlock,
  describeEdge,
  findNames,
  UNKNOWN,
} from "../harness/catalog.ts";
import { expect, refused } from "../harness/expect.ts";
import { collectPages } from "../harness/pages.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/pipelines/search";

Deno.test("search_registry finds", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  await describeBlock(owner, "Seattle weather", "Daily observations, 2012 to 2015");
  await describeBlock(owner, "forecasting model", "Predicts temperatures", "model");
  await describeBlock(owner, "taxi rides", "Trips in New York, with the weather of the day");
  await describeEdge(owner, "rainy days", "Keeps observations of rain");
  const names = async (q: string) => await findNames(owner, { q });

  await t.step("words of names before words of descriptions", async () => {
    assert.deepEqual(await names("weather"), ["Seattle weather", "taxi rides"]);
  });
  await t.step("blocks and edges alike, with what they are", async () => {
    const { data } = expect(await owner.get(`${PATH}?q=observations`), 200);
    const found = data.map(({ name, entity_type, block_type, matched }: Body) => [
      name,
      entity_type,
      block_type,
      matched,
    ]);
    assert.deepEqual(found.toSorted(), [
      ["Seattle weather", "block", "dataset", ["text"]],
      ["rainy days", "edge", null, ["text"]],
    ]);
  });
  await t.step("other forms of a word", async () => {
    assert.deepEqual(await names("forecast"), ["forecasting model"]);
    assert.deepEqual(await names("predicted temperature"), ["forecasting model"]);
    assert.deepEqual(await names("observing"), await names("observation"));
    assert.equal((await names("observing")).length, 2);
  });
  await t.step("names that are misspelt", async () => {
    for (const q of ["Seatle wheather", "seattel", "waether", "SEATTLE_WEATHER"]) {
      assert.equal((await names(q))[0], "Seattle weather", q);
    }
    assert.equal((await names("forcasting"))[0], "forecasting model");
    assert.equal((await names("rainny"))[0], "rainy days");
  });
  await t.step("some of several words, all of them first", async () => {
    assert.equal((await names("weather of New York taxis"))[0], "taxi rides");
    assert.equal((await names("unheard-of rain"))[0], "rainy days");
  });
  await t.step("nothing where there is nothing", async () => {
    assert.deepEqual(await names("zzzqqq"), []);
    assert.deepEqual(await names("%"), []);
    assert.deepEqual(await names("_"), []);
    assert.deepEqual(await names("' or 1=1 --"), []);
    assert.deepEqual(await names("\\"), []);
  });
  await t.step("what was changed by its new text, at once", async () => {
    const { id } = await describeEdge(owner, "before", "obsolete words");
    expect(await owner.patch(`/pipelines/edges/${id}`, { name: "afterwards" }), 200);
    assert.deepEqual(await names("before"), []);
    assert.deepEqual(await names("afterwards"), ["afterwards"]);
    expect(await owner.patch(`/pipelines/edges/${id}`, { description: "novel phrase" }), 200);
    assert.deepEqual(await names("obsolete"), []);
    assert.deepEqual(await names("phrases"), ["afterwards"]);
    expect(await owner.delete(`/pipelines/edges/${id}`), 204);
    assert.deepEqual(await names("afterwards"), []);
  });
  await t.step("names in any language", async () => {
    const named: [name: string, ...queries: string[]][] = [
      ["Погода в Москве", "погода", "ПОГОДА", "погоды", "москва"],
      ["天気予報データ", "天気", "予報", "データ"],
      ["Données météo", "donnees", "meteo", "MÉTÉO"],
      ["Wetterübersicht", "wetteruebersicht", "wetterubersicht", "übersicht"],
      ["بيانات الطقس", "الطقس"],
      ["मौसम डेटा", "मौसम"],
      ["날씨 데이터", "날씨"],
      ["ข้อมูลสภาพอากาศ", "สภาพอากาศ"],
      ["Καιρός", "καιρος"],
      ["🌧️ rain radar", "🌧️", "radar"],
    ];
    for (const [name] of named) await describeBlock(owner, name);
    for (const [name, ...queries] of named) {
      for (const q of [name, ...queries]) {
        assert.ok((await names(q)).includes(name), `${q} does not find ${name}`);
      }
    }
  });
});

Deno.test("search_registry filters and pages", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const science = await createCategory(owner, null, "Science");
  const weather = await createCategory(owner, science, "Weather");
  const finance = await createCategory(owner, null, "Finance");
  const rain = await describeBlock(owner, "rain data");
  const rates = await describeBlock(owner, "rates data");
  await describeBlock(owner, "loose data");
  await describeBlock(owner, "data model", null, "model");
  await describeEdge(owner, "data edge");
  await categorize(owner, rain, weather);
  await categorize(owner, rates, finance);
  const names = async (query: Record<string, string>) =>
    (await findNames(owner, { q: "data", ...query })).toSorted();

  await t.step("by category, with what is below it, by id or name", async () => {
    assert.deepEqual(await names({ category: science.id }), ["rain data"]);
    assert.deepEqual(await names({ category: weather.id }), ["rain data"]);
    assert.deepEqual(await names({ category: "science" }), ["rain data"]);
    assert.deepEqual(await names({ category: "Finance" }), ["rates data"]);
    assert.deepEqual(await names({ category: finance.id, type: "edge" }), []);
  });
  await t.step("by a category that is not there: 404", async () => {
    const theirs = await createCategory((await createTenant()).owner);
    for (const category of [UNKNOWN, theirs.id, theirs.name, "no such one"]) {
      const search = `${PATH}?q=data&category=${encodeURIComponent(category)}`;
      refused(await owner.get(search), 404, "not_found");
    }
  });
  await t.step("by type", async () => {
    assert.deepEqual(await names({ type: "edge" }), ["data edge"]);
    assert.deepEqual(await names({ type: "model" }), ["data model"]);
    assert.deepEqual(await names({ type: "dataset" }), ["loose data", "rain data", "rates data"]);
    assert.equal((await names({ type: "block" })).length, 4);
    assert.equal((await names({})).length, 5);
  });
  await t.step("in pages that hold each find once, best first", async () => {
    const pages = await collectPages(owner, `${PATH}?q=data&limit=2`);
    assert.deepEqual(pages.map(({ length }) => length), [2, 2, 1]);
    const finds = pages.flat();
    const whole = expect(await owner.get(`${PATH}?q=data`), 200).data;
    assert.deepEqual(finds, whole);
    const scores = finds.map(({ score }) => score);
    assert.deepEqual(scores, scores.toSorted((a, b) => b - a));
  });
  await t.step("refuses", async () => {
    const wrong = async (query: string, path: string) =>
      refused(await owner.get(`${PATH}?${query}`), 422, "validation_failed", [`query.${path}`]);
    await wrong("", "q");
    await wrong("q=", "q");
    await wrong("q=%20%20", "q");
    await wrong(`q=${"x".repeat(500)}`, "q");
    await wrong("q=a&type=pipeline", "type");
    await wrong("q=a&limit=101", "limit");
    await wrong("q=a&category=", "category");
    refused(await owner.get(`${PATH}?q=a&cursor=x`), 400, "invalid_cursor");
    const { status } = await owner.get(`${PATH}?q=%00`);
    assert.ok(status === 200 || status === 422, `answered ${status}`);
    expect(await owner.get(`${PATH}?q=${"x".repeat(200)}`), 200);
    expect(await owner.get(`${PATH}?q=${encodeURIComponent("a & b | !c <-> 'd':*")}`), 200);
  });
  await t.step(
    "is refused to",
    (t) => attack(t, { tenant, method: "GET", path: `${PATH}?q=data`, stranger: "empty" }),
  );
});
