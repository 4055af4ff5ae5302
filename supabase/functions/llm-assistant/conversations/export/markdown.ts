import type { Message } from "../schemas.ts";
import { containMarkdown, fence, lineOf } from "./markdown_text.ts";
import type { ExportFormat } from "./format.ts";

const ROLES = { system: "System", user: "User", assistant: "Assistant", tool: "Tool" } as const;
const STATUSES = { complete: "", partial: "broken off", failed: "failed" } as const;

/** One branch, to be read: a heading for each message, with its role, model and time. */
export const markdown: ExportFormat = {
  contentType: "text/markdown; charset=utf-8",
  extension: "md",
  begin: (conversation) => {
    const title = lineOf(conversation.title ?? "Conversation");
    const subject = conversation.subject ? `\n${lineOf(conversation.subject)}\n` : "";
    return `# ${title}\n${subject}\nBegun ${timeOf(conversation.created_at)}.\n`;
  },
  write: (messages) => messages.map(section).join(""),
  end: "",
};

function section(message: Message): string {
  const { role, model, status, created_at, content, parts, tool_calls } = message;
  const heading = [ROLES[role], lineOf(model ?? ""), timeOf(created_at), STATUSES[status]]
    .filter((part) => part !== "").join(" · ");
  const blocks = [
    // What a tool gives is data, not Markdown.
    role === "tool" ? fence(content) : containMarkdown(content),
    ...(parts ?? []).filter((part) => !isText(part)).map((part) => fence(show(part), "json")),
    ...(tool_calls ?? []).map((call) => `Calls a tool:\n\n${fence(show(call), "json")}`),
  ].filter((block) => block !== "");
  return `\n## ${heading}\n\n${blocks.map((block) => `${block}\n`).join("\n")}`;
}

/** Texts stand in the content already. */
const isText = (part: unknown) =>
  typeof part === "object" && part !== null && "type" in part && part.type === "text";

/** JSON, with what is embedded in it (pictures, as base64) cut short. */
const show = (value: unknown) =>
  JSON.stringify(
    value,
    (_, part) => typeof part === "string" && part.length > 20_000 ? `${part.slice(0, 60)}…` : part,
    2,
  );

const timeOf = (time: string) =>
  `${new Date(time).toISOString().slice(0, 19).replace("T", " ")} UTC`;
