import assert from "node:assert/strict";
import { BOLD, textWidth } from "@shared/svg_text.ts";
import { descendants, type Element, parseXml } from "./xml.ts";

/** Where something stands in a picture, in pixels. */
export type Area = { name: string; left: number; right: number; top: number; bottom: number };

/** The numbers in a group's `translate(x y)`. */
const offset = ({ attributes }: Element) =>
  [...(attributes.transform ?? "").matchAll(/[-\d.]+/g)].map(Number);

/** Where each text stands, as wide as it can be in any system font. */
export function textAreas(element: Element, x = 0, y = 0): Area[] {
  const [dx = 0, dy = 0] = offset(element);
  const { name, attributes, children, text } = element;
  if (name !== "text") return children.flatMap((child) => textAreas(child, x + dx, y + dy));
  const size = Number(attributes["font-size"]);
  const width = textWidth(text, size) * (attributes.class === "strong" ? BOLD : 1);
  const before = { start: 0, middle: 0.5, end: 1 }[attributes["text-anchor"] ?? "start"] ?? 0;
  const left = x + Number(attributes.x) - width * before;
  const baseline = y + Number(attributes.y);
  return [{
    name: text,
    left,
    right: left + width,
    top: baseline - size * 0.8,
    bottom: baseline + 2,
  }];
}

/** Fails where two areas share a pixel. */
export function assertApart(areas: readonly Area[]): void {
  const byLeft = areas.toSorted((a, b) => a.left - b.left);
  for (const [index, a] of byLeft.entries()) {
    for (const b of byLeft.slice(index + 1)) {
      if (b.left > a.right) break;
      const apart = a.bottom < b.top || b.bottom < a.top;
      assert.ok(apart, `“${a.name}” and “${b.name}” overlap`);
    }
  }
}

/** Fails where an area leaves the picture. */
export function assertInside({ attributes }: Element, areas: readonly Area[]): void {
  for (const { name, left, right, top, bottom } of areas) {
    const isInside = left >= 0 && top >= 0 && right <= Number(attributes.width) &&
      bottom <= Number(attributes.height);
    assert.ok(isInside, `“${name}” is cut off`);
  }
}

/** Parses a picture, and fails where it isn't one by itself: named, described, harmless. */
export function parsePicture(svg: string): Element {
  const root = parseXml(svg);
  const { xmlns, role, width, height, viewBox } = root.attributes;
  assert.equal(xmlns, "http://www.w3.org/2000/svg");
  assert.equal(role, "img");
  assert.equal(viewBox, `0 0 ${width} ${height}`);
  assert.deepEqual(root.children.slice(0, 3).map(({ name }) => name), ["title", "desc", "style"]);
  assert.match(root.children[2]?.text ?? "", /prefers-color-scheme:dark/);
  for (const { name, attributes } of descendants(root)) {
    assert.ok(!["script", "foreignObject", "image", "a", "use"].includes(name), name);
    for (const [key, value] of Object.entries(attributes)) {
      assert.ok(!/^on|href/.test(key), key);
      assert.ok(key === "xmlns" || !/^\w+:|url\((?!#)/.test(value), value);
    }
  }
  return root;
}

/** Points along a path of lines and curves, close enough to see whatever it runs through. */
export function pointsOf(path: string): { x: number; y: number }[] {
  const points: { x: number; y: number }[] = [];
  for (const [, command, source = ""] of path.matchAll(/([MLCQ])([^MLCQ]*)/g)) {
    const numbers = source.match(/-?[\d.]+/g)?.map(Number) ?? [];
    const corners = numbers.flatMap((x, index) =>
      index % 2 === 0 ? [{ x, y: numbers[index + 1] ?? 0 }] : []
    );
    const from = points.at(-1);
    if (command === "M" || !from) points.push(...corners);
    else points.push(...sample([from, ...corners]));
  }
  return points;
}

/** A Bézier curve of any degree, by de Casteljau: a point every few pixels. */
function sample(corners: { x: number; y: number }[]): { x: number; y: number }[] {
  const [first, last] = [corners[0], corners.at(-1)];
  if (!first || !last) return [];
  const steps = Math.ceil(Math.hypot(last.x - first.x, last.y - first.y) / 4) + 1;
  return Array.from({ length: steps }, (_, index) => {
    const part = (index + 1) / steps;
    let rest = corners;
    while (rest.length > 1) {
      rest = rest.slice(1).map(({ x, y }, i) => {
        const before = rest[i] ?? { x, y };
        return { x: before.x + (x - before.x) * part, y: before.y + (y - before.y) * part };
      });
    }
    return rest[0] ?? last;
  });
}
