import { parseArgs } from "node:util";
import { isAbsolute, resolve } from "node:path";
import { messageOf, StackError } from "./errors.ts";
import { REPOSITORY } from "./paths.ts";

/** What `npm start` was asked for. */
export interface Options {
  /** Empty the data folder first. */
  readonly reset: boolean;
  readonly port: number;
  readonly dbPort: number;
  /** Absolute path of the data folder. */
  readonly data: string;
  /** A real PostgreSQL server to use instead of PGlite. */
  readonly db?: string;
  /** Show what the parts underneath write to the console. */
  readonly debug: boolean;
  readonly help: boolean;
}

export const USAGE = `npm start -- [flags]
  --port <n>      port of the API (54321)
  --db-port <n>   port of the database (54322)
  --data <dir>    where the stack keeps its data (supabase/.temp/stack)
  --db <url>      a PostgreSQL server to use instead of the built-in database
  --reset         empty the data folder first
  --debug         show the database's and the API's own log
  --help          this text`;

/**
 * Reads the command line. `from` is the folder that a relative `--data` starts at.
 * @throws StackError for a flag that is unknown or has a bad value
 */
export function parseOptions(args: string[], from: string): Options {
  const values = readFlags(args);
  if (values.db !== undefined && !/^postgres(ql)?:\/\//.test(values.db)) {
    throw new StackError(`--db must be a postgresql:// URL, not "${values.db}".`);
  }
  const data = values.data ?? `${REPOSITORY}/supabase/.temp/stack`;
  return {
    reset: values.reset ?? false,
    port: portNumber("--port", values.port ?? "54321"),
    dbPort: portNumber("--db-port", values["db-port"] ?? "54322"),
    data: isAbsolute(data) ? data : resolve(from, data),
    db: values.db,
    debug: values.debug ?? false,
    help: values.help ?? false,
  };
}

function readFlags(args: string[]) {
  try {
    return parseArgs({
      args,
      options: {
        reset: { type: "boolean" },
        port: { type: "string" },
        "db-port": { type: "string" },
        data: { type: "string" },
        db: { type: "string" },
        debug: { type: "boolean" },
        help: { type: "boolean" },
      },
    }).values;
  } catch (error) {
    const [sentence] = messageOf(error).split(". ");
    throw new StackError(`${sentence}. Run "npm start -- --help" to see the flags.`);
  }
}

function portNumber(flag: string, text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65535) return port;
  throw new StackError(`${flag} must be a port number from 0 to 65535, not "${text}".`);
}
