import { type ExportFormat, type LogRow, toLines } from "./format.ts";

/** The release of the Open Cybersecurity Schema Framework that the events are of. */
const VERSION = "1.8.0";

/** Class 3004, of the category Identity & Access Management. */
const CLASS_UID = 3004;

const ACTIVITIES = {
  CREATE: { id: 1, name: "Create" },
  READ: { id: 2, name: "Read" },
  UPDATE: { id: 3, name: "Update" },
  DELETE: { id: 4, name: "Delete" },
} as const;

/** Kinds of users; a key acts for its user. */
const USER_TYPES = {
  user: { type_id: 1, type: "User" },
  api_key: { type_id: 1, type: "User" },
  system: { type_id: 3, type: "System" },
  service: { type_id: 4, type: "Service" },
} as const;

/** An event a line: class "Entity Management" of https://schema.ocsf.io/1.8.0. */
export const ocsf: ExportFormat = {
  contentType: "application/x-ndjson",
  extension: "ocsf.ndjson",
  header: "",
  write: (rows) => toLines(rows.map(toEvent)),
};

// What is undefined is left out when the event is written.
function toEvent(row: LogRow) {
  const activity = ACTIVITIES[row.action_type];
  const { old: before, new: after, ...unmapped } = isObject(row.details) ? row.details : {};
  const [entity, result] = before === undefined ? [after] : [before, after];
  const label = row.entity_name ?? row.entity_id ?? "";
  return {
    activity_id: activity.id,
    activity_name: activity.name,
    category_uid: 3,
    category_name: "Identity & Access Management",
    class_uid: CLASS_UID,
    class_name: "Entity Management",
    type_uid: CLASS_UID * 100 + activity.id,
    type_name: `Entity Management: ${activity.name}`,
    severity_id: 1,
    severity: "Informational",
    // The log holds what was committed.
    status_id: 1,
    status: "Success",
    time: Date.parse(row.occurred_at),
    message: `${activity.name} ${row.entity_type} ${label}`.trim(),
    metadata: {
      version: VERSION,
      product: { name: "Edgeloom", vendor_name: "Edgeloom" },
      uid: row.id,
      tenant_uid: row.organization_id ?? undefined,
      correlation_uid: row.request_id ?? undefined,
      log_name: "audit_logs",
      // With the microseconds, which `time` has no room for.
      original_time: row.occurred_at,
    },
    actor: {
      user: {
        ...USER_TYPES[row.actor_type],
        uid: row.actor_id ?? undefined,
        // A user without an id has at least a name.
        name: row.actor_id === null ? row.actor_type : undefined,
        credential_uid: row.api_key_id ?? undefined,
      },
    },
    entity: toEntity(row, entity),
    entity_result: result === undefined ? undefined : toEntity(row, result),
    src_endpoint: typeof row.ip_address === "string" ? { ip: row.ip_address } : undefined,
    http_request: row.user_agent === null && row.request_id === null
      ? undefined
      : { uid: row.request_id ?? undefined, user_agent: row.user_agent ?? undefined },
    unmapped: Object.keys(unmapped).length > 0 ? unmapped : undefined,
  };
}

/** A managed entity with its content. */
function toEntity({ entity_id, entity_name, entity_type }: LogRow, data: unknown) {
  const known = {
    uid: entity_id ?? undefined,
    // A renamed one has another name before; what has no id either is told by its type.
    name: nameOf(data) ?? entity_name ?? (entity_id === null ? entity_type : undefined),
  };
  if (entity_type === "organization") {
    return { ...known, type_id: 4, type: "Organization", org: known, data };
  }
  if (entity_type === "profile") return { ...known, type_id: 2, type: "User", user: known, data };
  return { ...known, type_id: 99, type: entity_type, data };
}

function nameOf(data: unknown): string | undefined {
  return isObject(data) && typeof data.name === "string" ? data.name : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
