/** JSON of any shape, reached into freely: what the tests expect of it, they assert. */
export type Body = ReturnType<typeof JSON.parse>;

/** An answer of a function, its JSON read. */
export type Answer = { status: number; headers: Headers; body: Body };
