import { type Act, BOUNDARIES, type Boundary, type Fate } from "./boundaries.ts";
import type { Random } from "./random.ts";

/** How often each thing shall happen; `kills` at each of the seven boundaries. */
export type Amounts = { kills: number; others: number; restarts: number };

/** Where, besides death, something may happen that the engine has to withstand. */
const OTHERS: [Act, Boundary][] = [
  ["zombie", "after claim"],
  ["zombie", "after effect"],
  ["zombie", "before commit"],
  ["kill, request late", "before commit"],
  ["request twice", "before commit"],
  ["reply lost", "after claim"],
  ["reply lost", "after commit"],
  ["cancel run", "before commit"],
  ["cancel run", "before claim"],
  ["terminate backends", "before claim"],
  ["terminate backends", "before commit"],
];

/**
 * Fates in random order, the last one first. A restart costs all workers their work, so they are spread
 * evenly. A zombie comes last: the others have nothing to do then but what it holds.
 */
export function makeDeck({ kills, others, restarts }: Amounts, random: Random): Fate[] {
  const fates = [
    ...BOUNDARIES.flatMap((boundary) => repeat<[Act, Boundary]>(kills, ["kill", boundary])),
    ...OTHERS.flatMap((other) => repeat(others, other)),
  ].map(([act, boundary]): Fate => ({ act, boundary, skip: random.below(3) }));
  const deck = random.shuffle(fates);
  for (let restart = 0; restart < restarts; restart++) {
    const boundary = restart % 2 === 0 ? "before commit" : "before claim";
    const place = Math.floor((restart + 0.5) * deck.length / restarts);
    deck.splice(place, 0, { act: "restart server", boundary, skip: 0 });
  }
  return [{ act: "zombie", boundary: "after effect", skip: 0 }, ...deck];
}

const repeat = <T>(times: number, value: T): T[] => Array.from({ length: times }, () => value);
