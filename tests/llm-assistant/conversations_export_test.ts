import assert from "node:assert/strict";
import type { Json } from "@shared/json.ts";
import { markdown } from "../../supabase/functions/llm-assistant/conversations/export/markdown.ts";
import {
  containMarkdown,
  fence,
} from "../../supabase/functions/llm-assistant/conversations/export/markdown_text.ts";
import { finishTurn } from "../../supabase/functions/llm-assistant/conversations/turns.ts";
import type { Body } from "../harness/answer.ts";
import { attack } from "../harness/battery.ts";
import { ask, converse, databaseOf, reply } from "../harness/conversations.ts";
import { expect, refused } from "../harness/expect.ts";
import { createTenant } from "../harness/tenant.ts";

const PATH = "/llm-assistant/conversations";

Deno.test("export_conversation", async (t) => {
  const tenant = await createTenant();
  const { owner } = tenant;
  const first = await converse(owner, "one", "1");
  const { id } = first;
  const path = `${PATH}/${id}/export`;
  await converse(owner, "two", "2", { conversation_id: id });
  const edited = await converse(owner, "two, edited", "```js\nif (a < b) {}\n```", {
    conversation_id: id,
    parent_id: first.answer_id,
  });
  expect(await owner.patch(`${PATH}/${id}`, { title: "Counting *up*", subject: "Numbers" }), 200);

  await t.step("as JSON has the whole tree", async () => {
    const answer = await owner.get(path);
    const { conversation, messages } = expect(answer, 200);
    assert.equal(conversation.title, "Counting *up*");
    assert.deepEqual(messages.map((m: Body) => [m.content, m.parent_id === first.answer_id]), [
      ["one", false],
      ["1", false],
      ["two", true],
      ["2", false],
      ["two, edited", true],
      ["```js\nif (a < b) {}\n```", false],
    ]);
    assert.match(
      answer.headers.get("content-disposition") ?? "",
      /^attachment; filename="conversation-[\w-]+\.json"$/,
    );
  });
  await t.step("as Markdown has the branch that is shown", async () => {
    const answer = await owner.get(path, { headers: { accept: "text/markdown" } });
    const text = expect(answer, 200).replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "<time>");
    assert.equal(
      text,
      "# Counting \\*up\\*\n\nNumbers\n\nBegun <time> UTC.\n" +
        "\n## User · <time> UTC\n\none\n\n## Assistant · demo · <time> UTC\n\n1\n" +
        "\n## User · <time> UTC\n\ntwo, edited\n" +
        "\n## Assistant · demo · <time> UTC\n\n```js\nif (a < b) {}\n```\n",
    );
  });
  await t.step("or another branch", async () => {
    const shown = expect(
      await owner.get(`${path}?format=markdown&leaf_id=${first.answer_id}`),
      200,
    );
    assert.ok(shown.includes("one") && !shown.includes("two"));
    const elsewhere = await converse(owner, "x", "y");
    const other = `${path}?format=markdown&leaf_id=${elsewhere.answer_id}`;
    refused(await owner.get(other), 404, "not_found");
  });
  await t.step("shows tools, pictures and what broke off", async () => {
    const parts: Json[] = [{ type: "text", text: "look" }, {
      type: "image_url",
      image_url: { url: `data:image/png;base64,${"A".repeat(30_000)}` },
    }];
    const turn = await ask(owner, "", { messages: [{ role: "user", content: "look", parts }] });
    const call = { id: "c", type: "function", function: { name: "see", arguments: "{}" } };
    await finishTurn(databaseOf(owner), {
      turn_id: turn.turn_id,
      messages: [
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "c", content: "```\n# no heading" },
        { role: "assistant", content: "```py\nprint(1)", status: "partial" },
      ],
    });
    const text: string = expect(
      await owner.get(`${PATH}/${turn.conversation.id}/export?format=markdown`),
      200,
    );
    assert.ok(text.includes("data:image/png;base64,AAAA") && text.length < 2_000);
    assert.ok(text.includes('"name": "see"'));
    assert.ok(text.includes("````\n```\n# no heading\n````"));
    assert.match(text, /## Assistant · \S+ \S+ UTC · broken off\n\n```py\nprint\(1\)\n```\n$/);
  });
  await t.step("is whole where it takes many pages, and none in memory at once", async () => {
    const content = "x".repeat(100_000);
    const turn = await ask(owner, "", {
      messages: Array.from({ length: 60 }, () => ({ role: "user" as const, content })),
    });
    await reply(owner, turn, "end");
    const whole = `${PATH}/${turn.conversation.id}/export`;
    const { messages } = expect(await owner.get(whole), 200);
    assert.equal(messages.length, 61);
    assert.equal(new Set(messages.map(({ id }: Body) => id)).size, 61);
    const text: string = expect(await owner.get(`${whole}?format=markdown`), 200);
    assert.equal(text.match(/^## /gm)?.length, 61);
  });
  await t.step("of one in which nothing was said", async () => {
    const empty = expect(await owner.post(PATH, {}), 201);
    const exported = `${PATH}/${empty.id}/export`;
    assert.deepEqual(expect(await owner.get(exported), 200).messages, []);
    assert.match(expect(await owner.get(`${exported}?format=markdown`), 200), /^# Conversation\n/);
  });
  await t.step("is logged, once, whoever does it", async () => {
    const { answer_id, ...own } = await converse(owner, "q", "a");
    assert.ok(answer_id);
    const admin = await tenant.user("admin");
    for (const user of [owner, admin]) expect(await user.get(`${PATH}/${own.id}/export`), 200);
    const query = `entity_id=${own.id}&action_type=READ`;
    const { data } = expect(await owner.get(`/audit/logs?${query}`), 200);
    assert.deepEqual(data.map((row: Body) => row.actor_id).toReversed(), [owner.id, admin.id]);
    assert.equal(data[0].details.export, true);
  });
  await t.step("and the log tells nothing of what was said, not even the title", async () => {
    const { id } = expect(await owner.post(PATH, { title: "Verfänglich", subject: "Auch" }), 201);
    expect(await owner.patch(`${PATH}/${id}`, { title: "Verfänglich 2", status: "archived" }), 200);
    const { data } = expect(await owner.get(`/audit/logs?entity_id=${id}`), 200);
    assert.equal(data.length, 2);
    assert.doesNotMatch(JSON.stringify(data), /Verfänglich|Auch/);
  });
  await t.step("refuses bad input", async () => {
    refused(await owner.get(`${path}?format=pdf`), 422, "validation_failed", ["query.format"]);
  });
  await attack(t, { tenant, method: "GET", path });
  assert.ok(edited.id);
});

Deno.test("Markdown of others keeps to its place", async (t) => {
  const cases: [name: string, content: string, expected: string][] = [
    ["plain text", "a < b && c > d", "a < b && c > d"],
    ["an open fence", "```\ncode", "```\ncode\n```"],
    ["an open longer fence", "~~~~\n~~~", "~~~~\n~~~\n~~~~"],
    ["an open fence in a list", "- x\n  - ```\n    y", "- x\n\n  -\n```\ny\n```"],
    ["a fence in a list that its item ends", "- ```\n<img src=x>", "-\n```\n<img src=x>\n```"],
    ["and goes on after", "1. ```\n   a\n   ```\n<b>", "1.\n```\na\n```\n\\<b>"],
    ["a fence of a list, below it", "- x\n  ```\n<b>\n  ```\n<i>", "- x\n```\n<b>\n```\n\\<i>"],
    ["a fence that is indented by four", "    ```\n<img src=x>", "```\n<img src=x>\n```"],
    ["or by a tab", "\t```\n<img src=x>", "```\n<img src=x>\n```"],
    [
      "an end that is none",
      "```\n    ```\n<b>\n```\u00a0\n<i>",
      "```\n    ```\n<b>\n```\u00a0\n<i>\n```",
    ],
    ["an end among spaces", "```\na\n  ````\t\nb", "```\na\n```\nb"],
    ["a beginning that is none", "```\u2028`\n<b>", "```\u2028`\n\\<b>"],
    ["an open fence in a quote", "> ```\n> y", "> ```\n> y"],
    ["a fence that its quote ends", "> ```\n<img src=x>", "> ```\n\\<img src=x>"],
    ["escaped backticks", "\\`<img src=x>`", "\\`\\<img src=x>`"],
    ["escaped backslashes", "\\\\`<b>` \\\\<i>", "\\\\`<b>` \\\\\\<i>"],
    ["what is escaped already", "\\<b>", "\\<b>"],
    ["a span that ends on the next line", "`x\n` <b> `\n\n`<i>`", "`x\n` \\<b> `\n\n`<i>`"],
    ["backticks in an address", "[a](x`) <b>` `<i>`", "[a](x`) \\<b>` `\\<i>`"],
    ["a fence, or the head of a table", "```|a\n|-|-|\n<b>", "\\```|a\n|-|-|\n\\<b>"],
    ["backticks in cells", "| ` | <b> ` |", "| ` | \\<b> ` |"],
    ["code, untouched", "```html\n<b>\n# x\n---\n```", "```html\n<b>\n# x\n---\n```"],
    ["headings", "# a\n###### b\n#c", "### a\n###### b\n#c"],
    ["underlined headings", "a\n---\nb\n===", "a\n\n---\nb\n\n==="],
    ["HTML", "<script>x</script> <!-- y", "\\<script>x\\</script> \\<!-- y"],
    ["spans of code", "`<b>` ``a`<i>`` <u> `", "`<b>` ``a`<i>`` \\<u> `"],
    ["a forged end of its message", "```\n## User\n", "```\n## User\n```"],
  ];
  for (const [name, content, expected] of cases) {
    await t.step(name, () => assert.equal(containMarkdown(content), expected));
  }
  await t.step("data in a fence that is longer than any in it", () => {
    assert.equal(fence("a ```` b"), "`````\na ```` b\n`````");
  });
  await t.step("in a time that grows with its length alone", () => {
    const started = performance.now();
    for (const piece of ["`", "<", "` ``", "- ", "> ", "#", " ", "*_", "```\n"]) {
      const text = piece.repeat(1_000_000 / piece.length);
      containMarkdown(text);
      fence(text);
    }
    assert.ok(performance.now() - started < 10_000);
  });
  await t.step("and a title is a line", () => {
    const time = "2026-11-21T08:00:00Z";
    const conversation = {
      id: crypto.randomUUID(),
      organization_id: crypto.randomUUID(),
      user_id: crypto.randomUUID(),
      project_id: null,
      assistant_id: null,
      title: "a\n## User `x` <b>",
      subject: null,
      status: "active" as const,
      message_count: 0,
      current_message_id: null,
      context: {},
      settings: {},
      last_message_at: time,
      created_at: time,
      updated_at: time,
    };
    assert.equal(
      markdown.begin(conversation),
      "# a \\#\\# User \\`x\\` \\<b\\>\n\nBegun 2026-11-21 08:00:00 UTC.\n",
    );
  });
});
