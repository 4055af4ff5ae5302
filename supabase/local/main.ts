import { StackError } from "./errors.ts";
import { parseOptions, USAGE } from "./options.ts";
import { type Stack, startStack } from "./stack.ts";

/** The folder that `npm start` was called in; npm itself changes to the repository's. */
const CALLED_FROM = Deno.env.get("INIT_CWD") ?? Deno.cwd();
let started = false;

try {
  const options = parseOptions(Deno.args, CALLED_FROM);
  if (options.help) {
    console.log(USAGE);
    Deno.exit(0);
  }
  const stop = signalled(() => started);
  const stack = await startStack(options);
  started = true;
  console.log(greeting(stack));
  await stop;
  await stack.stop();
  Deno.exit(0);
} catch (error) {
  console.error(error instanceof StackError ? error.message : error);
  Deno.exit(1);
}

/**
 * Settles at Ctrl-C or a request to end; during the start and at a second one the process ends at
 * once. The launcher passes signals on, so one keypress can come twice.
 */
function signalled(isStarted: () => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let asked = 0;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      if (!isStarted() || (asked > 0 && Date.now() - asked > 500)) Deno.exit(130);
      if (asked > 0) return;
      asked = Date.now();
      console.error("Stopping.");
      resolve();
    });
  }
  return promise;
}

function models({ hasDemoModel }: Stack): string {
  return hasDemoModel
    ? "demo-chat and demo-embedding: OPENAI_API_KEY is not set, so the demo model answers"
    : "those of OPENAI_API_KEY and OPENAI_BASE_URL";
}

function greeting(stack: Stack): string {
  return `Started the Edgeloom local stack.

         API URL: ${stack.url}
        DOCS URL: ${stack.url}/docs
          DB URL: ${stack.dbUrl}
 Publishable key: ${stack.publishableKey}
      Secret key: ${stack.secretKey}
      JWT secret: ${stack.jwtSecret}
          Models: ${models(stack)}

Try it:
  curl ${stack.url}/functions/v1/pipelines/health
`;
}
