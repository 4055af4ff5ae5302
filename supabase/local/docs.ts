import type { Functions } from "./functions.ts";
import { REPOSITORY } from "./paths.ts";

const ASSETS = `${REPOSITORY}/node_modules/swagger-ui-dist`;

/** What the page may load, and as what. */
const TYPES = new Map([
  ["swagger-ui.css", "text/css; charset=utf-8"],
  ["swagger-ui-bundle.js", "text/javascript; charset=utf-8"],
  ["swagger-ui-standalone-preset.js", "text/javascript; charset=utf-8"],
  ["favicon-32x32.png", "image/png"],
]);

/** The docs page of all functions: Swagger UI from node_modules over their OpenAPI documents. */
export class Docs {
  readonly #functions: Functions;

  constructor(functions: Functions) {
    this.#functions = functions;
  }

  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/docs" || pathname === "/docs/") {
      return new Response(page(await this.#functions.names()), {
        headers: { "content-type": "text/html; charset=utf-8" },
      });
    }
    const name = pathname.slice("/docs/".length);
    const type = TYPES.get(name);
    if (!type) return Response.json({ message: "not found" }, { status: 404 });
    const file = await Deno.open(`${ASSETS}/${name}`);
    return new Response(file.readable, {
      headers: { "content-type": type, "cache-control": "max-age=3600" },
    });
  }
}

function page(names: string[]): string {
  const first = names.includes("pipelines") ? "pipelines" : names[0];
  const urls = names.map((name) => ({ name, url: `/functions/v1/${name}/openapi.json` }));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Edgeloom API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>
  body { margin: 0; }
  .swagger-ui .topbar { background: #1c1c1c; padding: 8px 0; }
  .swagger-ui .topbar .link { display: none; }
  .swagger-ui .topbar-wrapper::before {
    content: "Edgeloom API"; color: #fff; font: 600 20px/1 sans-serif; flex: 1;
  }
  .swagger-ui .topbar .download-url-wrapper { flex: none; }
  .swagger-ui .topbar .select-label span { white-space: nowrap; }
</style>
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/swagger-ui-standalone-preset.js"></script>
<script>
  SwaggerUIBundle({
    urls: ${JSON.stringify(urls)},
    "urls.primaryName": ${JSON.stringify(first ?? "")},
    dom_id: "#swagger-ui",
    deepLinking: true,
    persistAuthorization: true,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    layout: "StandaloneLayout",
  });
</script>
</body>
</html>
`;
}
