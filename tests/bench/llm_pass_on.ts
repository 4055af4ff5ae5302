/** A program: passes requests on to another server and its answers back, and looks at neither. */

const [target = ""] = Deno.args;

Deno.serve({ hostname: "127.0.0.1", port: 0 }, async ({ url, method, headers, body }) => {
  const { pathname } = new URL(url);
  const answer = await fetch(`${target}${pathname}`, {
    method,
    headers: { "content-type": headers.get("content-type") ?? "" },
    body,
  });
  const type = answer.headers.get("content-type") ?? "";
  return new Response(answer.body, { status: answer.status, headers: { "content-type": type } });
});
