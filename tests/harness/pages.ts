import type { Body } from "./answer.ts";
import { expect } from "./expect.ts";
import type { User } from "./tenant.ts";

/** All pages of a list, each an array of rows. The path has a query. */
export async function collectPages(user: User, path: string): Promise<Body[][]> {
  const pages: Body[][] = [];
  let cursor: string | null = "";
  while (cursor !== null) {
    const { data, next_cursor }: Body = expect(
      await user.get(cursor ? `${path}&cursor=${cursor}` : path),
      200,
    );
    pages.push(data);
    cursor = next_cursor;
  }
  return pages;
}
