import assert from "node:assert/strict";

/** An element of a parsed document; `text` is all the text in it, of its children too. */
export type Element = {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
};

const ENTITIES: Record<string, string> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};
const TOKEN = /<(\/?)([A-Za-z][\w-]*)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/gy;
const NO_XML = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/** Parses the XML that we write: elements, attributes, text. Fails where it is not well formed. */
export function parseXml(source: string): Element {
  assert.doesNotMatch(source, NO_XML, "a character that XML can't hold");
  const top: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [top];
  let end = 0;
  for (const token of source.matchAll(TOKEN)) {
    end = token.index + token[0].length;
    const [, closing, name = "", attributes = "", selfClosing, text] = token;
    const parent = open.at(-1) ?? top;
    if (text !== undefined) {
      assert.ok(open.length > 1, `text outside of the document: ${text}`);
      for (const element of open) element.text += decode(text);
    } else if (closing) {
      assert.equal(open.pop()?.name, name, "elements are closed in order");
    } else {
      const element = { name, attributes: parseAttributes(attributes), children: [], text: "" };
      parent.children.push(element);
      if (!selfClosing) open.push(element);
    }
  }
  assert.equal(end, source.length, `no XML from here: ${source.slice(end, end + 80)}`);
  assert.equal(open.length, 1, `${open.at(-1)?.name} is not closed`);
  const [root] = top.children;
  assert.ok(root && top.children.length === 1, "one element holds all");
  return root;
}

function parseAttributes(source: string): Record<string, string> {
  const pairs = [...source.matchAll(/([\w-]+)="([^"]*)"/g)];
  const attributes = Object.fromEntries(pairs.map(([, name, value = ""]) => [name, decode(value)]));
  assert.equal(Object.keys(attributes).length, pairs.length, `an attribute twice: ${source}`);
  return attributes;
}

const decode = (text: string) =>
  text.replace(/&[^;]*;?/g, (entity) => {
    assert.ok(ENTITIES[entity], `no entity: ${entity}`);
    return ENTITIES[entity];
  });

/** The element and all within it, in the document's order. */
export const descendants = (element: Element): Element[] => [
  element,
  ...element.children.flatMap(descendants),
];
