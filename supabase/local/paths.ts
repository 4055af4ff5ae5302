import { fileURLToPath } from "node:url";

/** The root of this repository, without a slash at the end. */
export const REPOSITORY: string = fileURLToPath(new URL("../..", import.meta.url)).replace(
  /[\\/]$/,
  "",
);
