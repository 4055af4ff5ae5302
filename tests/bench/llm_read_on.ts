/** A program: as llm_pass_on.ts, but every part passes through the script, as it must to be kept. */

const [target = ""] = Deno.args;

Deno.serve({ hostname: "127.0.0.1", port: 0 }, async ({ url, method, headers, body }) => {
  const { pathname } = new URL(url);
  const answer = await fetch(`${target}${pathname}`, {
    method,
    headers: { "content-type": headers.get("content-type") ?? "" },
    body,
  });
  const reader = answer.body?.getReader();
  const parts = new ReadableStream({
    async pull(controller) {
      const { done = true, value } = await reader?.read() ?? {};
      if (done) controller.close();
      else controller.enqueue(value);
    },
  }, { highWaterMark: 0 });
  const type = answer.headers.get("content-type") ?? "";
  return new Response(parts, { status: answer.status, headers: { "content-type": type } });
});
