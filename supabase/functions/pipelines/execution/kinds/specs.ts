import type { DatasetSpec, ModelSpec } from "../../specs.ts";

/** The spec of one kind of dataset. */
export type DatasetOf<Kind extends DatasetSpec["kind"]> = Extract<DatasetSpec, { kind: Kind }>;

/** The spec of one kind of model. */
export type ModelOf<Kind extends ModelSpec["kind"]> = Extract<ModelSpec, { kind: Kind }>;
