import { parse } from "smol-toml";
import { z } from "zod";
import { messageOf, StackError } from "./errors.ts";

const Config = z.object({
  functions: z.record(z.string(), z.object({ verify_jwt: z.boolean().default(true) })).default({}),
});

/**
 * Whether the platform checks a function's caller before the function is called: what `config.toml`
 * says, else yes.
 * @throws StackError when the file can't be read as such
 */
export async function readVerifyJwt(file: string): Promise<(name: string) => boolean> {
  const text = await Deno.readTextFile(file).catch(() => "");
  try {
    const { functions } = Config.parse(parse(text));
    return (name) => functions[name]?.verify_jwt ?? true;
  } catch (error) {
    throw new StackError(`${file} can't be read: ${messageOf(error)}`);
  }
}
