import type { StyleRule } from "@shared/picture_theme.ts";
import { type Markup, markup, placed, text } from "@shared/svg.ts";
import { fitText, textWidth } from "@shared/svg_text.ts";
import { pathOf } from "./edge_path.ts";
import type { Box, Leg, Size } from "./geometry.ts";
import type { GraphEdge } from "./graph_schema.ts";

const SIZE = 11;
const MAX_LABEL = 112;
const PADDING = 6;
const SIGN_WIDTH = 13;

type Verification = GraphEdge["verification_status"];

/** What stands before the name of an edge that may not enter a run. */
const SIGNS: Record<Verification, string> = { passed: "", pending: "?", failed: "✕" };

const WORDS: Record<Verification, string> = {
  passed: "verified",
  pending: "not verified",
  failed: "failed its verification",
};

const nameOf = ({ name }: GraphEdge) => fitText(name.replace(/\s+/g, " "), MAX_LABEL, SIZE);

const signRoom = ({ verification_status }: GraphEdge) =>
  SIGNS[verification_status] ? SIGN_WIDTH : 0;

/** The room that an edge's label takes. */
export const labelSize = (edge: GraphEdge): Size => ({
  width: Math.ceil(textWidth(nameOf(edge), SIZE)) + 2 * PADDING + signRoom(edge),
  height: 18,
});

/** The line of an edge with its arrowhead; the label is drawn apart, above all lines. */
export function drawLine(edge: GraphEdge, legs: readonly Leg[]): Markup {
  const end = legs.at(-1)?.points.at(-1) ?? { x: 0, y: 0 };
  const { verification_status } = edge;
  return markup`<g class="edge is-${verification_status}"><title>${
    describe(edge)
  }</title><path class="line" d="${pathOf(legs)}"/><path class="head" d="M${end.x - 9} ${
    end.y - 4.5
  }l9 4.5-9 4.5z"/></g>`;
}

/** An edge's name on its line, with a sign where it isn't verified. */
export function drawLabel(edge: GraphEdge, { x, y, width, height }: Box): Markup {
  const { verification_status } = edge;
  const sign = SIGNS[verification_status];
  return placed(x, y, [
    markup`<title>${
      describe(edge)
    }</title><rect class="label is-${verification_status}" width="${width}" height="${height}" rx="${
      height / 2
    }"/>`,
    text(
      sign
        ? markup`<tspan class="sign is-${verification_status}">${sign}</tspan> ${nameOf(edge)}`
        : nameOf(edge),
      { x: width / 2, y: 13, size: SIZE, anchor: "middle" },
    ),
  ]);
}

function describe({ name, kind, version_number, verification_status }: GraphEdge): string {
  const version = kind === null ? "no version" : `${kind} · v${version_number}`;
  return `${name}\n${version}, ${WORDS[verification_status]}`;
}

/** An edge in the legend: a piece of its line. */
export function edgeMark(status: Verification): Markup {
  return markup`<g class="edge is-${status}"><path class="line" d="M0 8H24"/><path class="head" d="M23 3.5l9 4.5-9 4.5z"/></g>`;
}

/** How wide {@link edgeMark} is. */
export const EDGE_MARK_WIDTH = 32;

export const describeVerification = (status: Verification): string => WORDS[status];

export const edgeRules: readonly StyleRule[] = [
  { selector: ".line", always: "fill:none;stroke-width:1.5" },
  { selector: ".edge.is-passed .line", light: "stroke:#7d8894", dark: "stroke:#8893a1" },
  { selector: ".edge.is-passed .head", light: "fill:#7d8894", dark: "fill:#8893a1" },
  {
    selector: ".edge.is-pending .line",
    always: "stroke-dasharray:7 5",
    light: "stroke:#9a6400",
    dark: "stroke:#e0aa45",
  },
  {
    selector: ".edge.is-pending .head,.sign.is-pending",
    light: "fill:#9a6400",
    dark: "fill:#e0aa45",
  },
  {
    selector: ".edge.is-failed .line",
    always: "stroke-dasharray:2 4;stroke-width:2",
    light: "stroke:#b3261e",
    dark: "stroke:#ff8478",
  },
  {
    selector: ".edge.is-failed .head,.sign.is-failed",
    light: "fill:#b3261e",
    dark: "fill:#ff8478",
  },
  { selector: ".sign", always: "font-weight:700" },
  {
    selector: ".label",
    always: "stroke-width:1",
    light: "fill:#fff;stroke:#e0e4e9",
    dark: "fill:#11151b;stroke:#303946",
  },
];
