import type { Caller } from "@shared/access.ts";
import { ApiError } from "@shared/errors.ts";

/** Who asks. @throws {ApiError} `forbidden` where that is no user, whom a route for users does not admit */
export function userIdOf(caller: Caller): string {
  if (caller.kind !== "user") throw new ApiError("forbidden", "This acts as a user");
  return caller.userId;
}
