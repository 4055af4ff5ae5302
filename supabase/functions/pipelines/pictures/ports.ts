import type { Box, Point } from "./geometry.ts";

type Route = { key: string; source: string; target: string; bends: readonly Point[] };
type Port = { start: Point; end: Point };

/** Between two lines that meet a node, where there is room. */
const PORT_GAP = 9;
/** What stays free of lines at a node's corners. */
const CORNER = 16;

/**
 * Where each line leaves its source (at the right) and meets its target (at the left): in the order in
 * which the lines come, so that they don't cross in front of the node.
 */
export function assignPorts(
  nodes: readonly { key: string; slope: number }[],
  boxes: ReadonlyMap<string, Box>,
  routes: readonly Route[],
): Map<string, Port> {
  const middle = (key: string) => {
    const { y, height } = boxes.get(key) ?? { y: 0, height: 0 };
    return y + height / 2;
  };
  const bySource = Map.groupBy(routes, ({ source }) => source);
  const byTarget = Map.groupBy(routes, ({ target }) => target);
  const starts = new Map<string, Point>();
  const ends = new Map<string, Point>();
  for (const { key, slope } of nodes) {
    const box = boxes.get(key);
    if (!box) continue;
    const outgoing = (bySource.get(key) ?? []).map((route) => ({
      key: route.key,
      heading: route.bends[0]?.y ?? middle(route.target),
    }));
    const incoming = (byTarget.get(key) ?? []).map((route) => ({
      key: route.key,
      heading: route.bends.at(-1)?.y ?? middle(route.source),
    }));
    spread(outgoing, box, (y, inset) => ({ x: box.x + box.width - inset * slope, y }), starts);
    spread(incoming, box, (y, inset) => ({ x: box.x + inset * slope, y }), ends);
  }
  return new Map(routes.flatMap(({ key }) => {
    const [start, end] = [starts.get(key), ends.get(key)];
    return start && end ? [[key, { start, end }]] : [];
  }));
}

/** @param place a port's place from its height and how far (0 to 1) that is from the middle */
function spread(
  lines: { key: string; heading: number }[],
  box: Box,
  place: (y: number, inset: number) => Point,
  ports: Map<string, Point>,
): void {
  const room = box.height - 2 * CORNER;
  const gap = Math.min(PORT_GAP, room / Math.max(1, lines.length - 1));
  const sorted = lines.toSorted((a, b) => a.heading - b.heading);
  for (const [index, { key }] of sorted.entries()) {
    const offset = (index - (lines.length - 1) / 2) * gap;
    ports.set(key, place(box.y + box.height / 2 + offset, Math.abs(offset) / (box.height / 2)));
  }
}
