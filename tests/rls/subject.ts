/** What is tried on a table: nothing in it breaks a rule, so that only rights can refuse it. */
export type Subject = {
  /** Makes a row of the tenant's and returns its id. */
  row(): Promise<string>;
  /** A row that is not there yet, as a client would insert it. */
  values(): Promise<Record<string, unknown>>;
  /** A change of a row. */
  change(): Promise<Record<string, unknown>>;
  /** What a client selects, where not every column is theirs to read. */
  columns?: string;
};
