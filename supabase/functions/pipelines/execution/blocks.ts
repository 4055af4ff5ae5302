import type { Json } from "@shared/json.ts";
import { type BlockType, type DatasetSpec, datasetSpecSchema } from "../specs.ts";
import { type ModelSpec, modelSpecSchema } from "../specs.ts";
import type { BlockContext } from "./context.ts";
import { executeCode } from "./kinds/code.ts";
import { embedRows } from "./kinds/embedding.ts";
import { readHttp } from "./kinds/http_dataset.ts";
import { callHttpModel } from "./kinds/http_model.ts";
import { readInline } from "./kinds/inline.ts";
import { executeJsonata } from "./kinds/jsonata.ts";
import { askModel } from "./kinds/llm.ts";
import { readStorage, writeStorage } from "./kinds/storage.ts";
import { readTable, writeTable } from "./kinds/table.ts";
import { readTrigger } from "./kinds/trigger.ts";
import { StepError } from "./step_error.ts";

export type { BlockContext, ProjectApi } from "./context.ts";

/** One block to execute. */
export type BlockExecution = {
  blockType: BlockType;
  /** The pinned version's spec, as stored; it is parsed again. */
  spec: unknown;
  /** What came over the incoming edges; without them (`hasInput` false) a model sees null. */
  input: Json;
  hasInput: boolean;
  /** Whether a dataset is written: it has incoming edges. */
  writing: boolean;
};

/**
 * Executes a block and returns its output: a dataset's rows, what a write stored, or a model's
 * result.
 *
 * @throws {StepError} for whatever is not our own fault
 */
export async function executeBlock(block: BlockExecution, context: BlockContext): Promise<Json> {
  const input = block.hasInput ? block.input : null;
  if (block.blockType === "model") {
    return await executeModel(parseSpec(modelSpecSchema.safeParse(block.spec)), input, context);
  }
  const spec = parseSpec(datasetSpecSchema.safeParse(block.spec));
  return await (block.writing ? writeDataset(spec, input, context) : readDataset(spec, context));
}

function readDataset(spec: DatasetSpec, context: BlockContext): Promise<Json> {
  switch (spec.kind) {
    case "inline":
      return readInline(spec);
    case "storage":
      return readStorage(spec, context);
    case "http":
      return readHttp(spec, context);
    case "table":
      return readTable(spec, context);
    case "trigger":
      return readTrigger(context);
  }
}

function writeDataset(spec: DatasetSpec, input: Json, context: BlockContext): Promise<Json> {
  switch (spec.kind) {
    case "storage":
      return writeStorage(spec, input, context);
    case "table":
      return writeTable(spec, input, context);
    default:
      throw new StepError({
        code: "block_not_writable",
        message: `a dataset of kind ${spec.kind} can't be written: it must have no incoming edge`,
      });
  }
}

function executeModel(spec: ModelSpec, input: Json, context: BlockContext): Promise<Json> {
  switch (spec.kind) {
    case "http":
      return callHttpModel(spec, input, context);
    case "jsonata":
      return executeJsonata(spec, input);
    case "code":
      return executeCode(spec, input, context);
    case "llm":
      return askModel(spec, input, context);
    case "embedding":
      return embedRows(spec, input, context);
  }
}

type ParseResult<T> = { success: true; data: T } | { success: false; error: Error };

function parseSpec<T>(result: ParseResult<T>): T {
  if (result.success) return result.data;
  throw new StepError({
    code: "spec_invalid",
    message: "the block's version holds a spec that this release can't execute",
  });
}
