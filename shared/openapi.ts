import type { Domain } from "@shared/access.ts";
import { type ErrorFormat, errorFormatAt, type ErrorFormats } from "@shared/error_format.ts";
import { ERROR_STATUS, type ErrorCode } from "@shared/errors.ts";
import type { Contract, Route } from "@shared/route.ts";
import { z } from "zod";

type Schema = Record<string, unknown>;
type Components = Record<string, unknown>;

const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERROR_STATUS)).describe("What a program decides by."),
  message: z.string().describe("The same as detail."),
  request_id: z.string().describe("Name it when you ask for help."),
  errors: z.array(z.object({ path: z.string(), message: z.string() })).optional()
    .describe("What is wrong with the input, by path."),
}).meta({ id: "Problem", description: "An error, as RFC 9457 has it." });

/** JSON Schema of a zod schema; what has an id moves to the document's components. */
function toSchema(schema: z.ZodType, io: "input" | "output", components: Components): Schema {
  const { $schema: _, $defs, ...own } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const relocate = (value: unknown) =>
    JSON.parse(JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'));
  for (const [id, definition] of Object.entries($defs ?? {})) components[id] = relocate(definition);
  return relocate(own);
}

function parametersOf(contract: Contract, components: Components) {
  const from = (where: "path" | "query", schema: z.ZodObject | undefined) =>
    Object.entries(schema?.shape ?? {}).map(([name, field]) => ({
      name,
      in: where,
      required: where === "path" || !field.safeParse(undefined).success,
      ...(field.description ? { description: field.description } : {}),
      schema: toSchema(field, "input", components),
    }));
  const header = (name: string, description: string, schema: Schema = { type: "string" }) => ({
    name,
    in: "header",
    required: false,
    description,
    schema,
  });
  return [
    ...from("path", contract.params),
    ...from("query", contract.query),
    ...(contract.auth === "user"
      ? [
        header("x-organization-id", "Where you belong to several organizations.", {
          type: "string",
          format: "uuid",
        }),
      ]
      : []),
    ...(contract.idempotent
      ? [header("idempotency-key", "The same key and body gets the first answer again.")]
      : []),
    ...(contract.versioned && contract.method !== "get"
      ? [header("if-match", "The ETag you read; 412 when it is stale.")]
      : []),
  ];
}

/** Errors that a contract implies by what it declares. */
function errorsOf(contract: Contract): ErrorCode[] {
  // A bad credential is refused everywhere, also where none is needed.
  const implied: ErrorCode[] = [
    "internal_error",
    "invalid_token",
    "invalid_api_key",
    // A key is checked, counted and exchanged for a token on each route alike.
    "rate_limited",
    "signing_not_configured",
  ];
  if (contract.auth !== "public") implied.push("unauthorized", "forbidden");
  if (contract.scope) implied.push("insufficient_scope");
  if (contract.params) implied.push("not_found");
  if (contract.query) implied.push("validation_failed");
  if (contract.body) implied.push("invalid_json", "validation_failed", "body_too_large");
  if (contract.idempotent) {
    implied.push("invalid_request", "idempotency_key_reused", "request_in_flight");
  }
  // Where an organization is needed, the one that is named may be malformed or not the caller's.
  if (contract.errors?.includes("organization_required")) {
    implied.push("invalid_request", "not_found");
  }
  if (contract.versioned && contract.method !== "get") implied.push("precondition_failed");
  return [...new Set([...implied, ...(contract.errors ?? [])])];
}

function errorAnswers(contract: Contract, format: ErrorFormat | undefined, components: Components) {
  const statusOf = (code: ErrorCode) => format?.statusOf(code) ?? ERROR_STATUS[code];
  const content = format
    ? { "application/json": { schema: toSchema(format.schema, "output", components) } }
    : { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } };
  return Object.fromEntries(
    [...Map.groupBy(errorsOf(contract), statusOf)].map(([status, codes]) => [status, {
      description: codes.map((code) => `\`${format?.codeOf(code) ?? code}\``).join(", "),
      content,
    }]),
  );
}

function operationOf(
  contract: Contract,
  tag: string,
  format: ErrorFormat | undefined,
  components: Components,
) {
  const answers = Object.entries(contract.answers).map((
    [status, { description, schema, content }],
  ) => [status, {
    description,
    ...(schema || content
      ? {
        content: {
          ...(schema
            ? { "application/json": { schema: toSchema(schema, "output", components) } }
            : {}),
          ...Object.fromEntries(
            Object.entries(content ?? {}).map((
              [type, { example }],
            ) => [type, { schema: { type: "string" }, example }]),
          ),
        },
      }
      : {}),
  }]);
  return {
    operationId: contract.operationId,
    summary: contract.summary,
    description: contract.description +
      (contract.scope ? `\n\nA key needs the scope \`${contract.scope}\`.` : ""),
    tags: [tag],
    security: {
      user: [{ bearer: [] }],
      service: [{ secretKey: [] }, { bearer: [] }],
      worker: [{ secretKey: [] }, { bearer: [] }, { workerToken: [] }],
      public: [],
    }[contract.auth],
    parameters: parametersOf(contract, components),
    ...(contract.body
      ? {
        requestBody: {
          required: !contract.body.safeParse({}).success,
          content: {
            "application/json": {
              schema: toSchema(contract.body, "input", components),
              ...(contract.example === undefined ? {} : { example: contract.example }),
            },
          },
        },
      }
      : {}),
    ...(contract.rawBody
      ? {
        requestBody: {
          description: contract.rawBody.description,
          required: true,
          content: { "application/json": { schema: {}, example: contract.rawBody.example } },
        },
      }
      : {}),
    responses: { ...Object.fromEntries(answers), ...errorAnswers(contract, format, components) },
  };
}

const builtIn = (domain: Domain) => ({
  [`/${domain}/health`]: {
    get: {
      operationId: `${domain.replaceAll("-", "_")}_health`,
      summary: "Health",
      description: "Says that the function is up. Open to everyone.",
      tags: ["meta"],
      security: [],
      responses: {
        200: {
          description: "Up.",
          content: {
            "application/json": {
              schema: {
                type: "object",
                required: ["status", "domain"],
                properties: { status: { const: "ok" }, domain: { const: domain } },
              },
            },
          },
        },
      },
    },
  },
  [`/${domain}/openapi.json`]: {
    get: {
      operationId: `${domain.replaceAll("-", "_")}_openapi`,
      summary: "This document",
      description: "The contract of this function, as OpenAPI 3.1. Open to everyone.",
      tags: ["meta"],
      security: [],
      responses: {
        200: {
          description: "The document.",
          content: { "application/json": { schema: { type: "object" } } },
        },
      },
    },
  },
});

/** The OpenAPI 3.1 document of a function, made from its routes' contracts. */
export function describeApi(
  domain: Domain,
  api: { description: string; routes: readonly Route[]; errorFormats?: ErrorFormats },
) {
  const components: Components = {};
  toSchema(z.object({ problem: problemSchema }), "output", components);
  const paths: Record<string, Record<string, unknown>> = builtIn(domain);
  for (const { contract } of api.routes) {
    const path = contract.path === "/" ? `/${domain}` : `/${domain}${contract.path}`;
    const tag = contract.path.split("/").find((part) => part && !part.startsWith("{")) ?? domain;
    const format = errorFormatAt(api.errorFormats, contract.path);
    paths[path] = {
      ...paths[path],
      [contract.method]: operationOf(contract, tag, format, components),
    };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: `Edgeloom ${domain}`,
      version: "1.0.0",
      description: api.description,
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/functions/v1" }],
    paths,
    components: {
      schemas: components,
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "A user's access token, or an issued key (`el_…`).",
        },
        secretKey: {
          type: "apiKey",
          in: "header",
          name: "apikey",
          description: "The project's secret key.",
        },
        workerToken: {
          type: "apiKey",
          in: "header",
          name: "x-worker-token",
          description: "What the project's database calls the worker with.",
        },
      },
    },
  };
}
