/**
 * The session settings that one user of the shared session has made, as `name → value` with `role`
 * among them.
 */
export type SessionSettings = ReadonlyMap<string, string>;

/** A session in which nobody has set anything. Compared by identity. */
export const PLAIN: SessionSettings = new Map();

/** Reads the settings that were made in this session; `setting` is in the setting's base unit. */
export const READ_SETTINGS = `
  select name, setting from pg_settings where source = 'session'
  union all
  select 'role', current_setting('role') where current_setting('role') <> 'none'`;

/** Puts the session back as it started and then into these settings. */
export function settingsSql(settings: SessionSettings): string {
  const reset = "reset session authorization; reset role; reset all;";
  const { role, others } = split(settings);
  const made = others.map(([name, value]) =>
    `select set_config(${literal(name)}, ${literal(value)}, false);`
  );
  // The role comes last: it may not be allowed to make the others.
  if (role !== undefined) made.push(`select set_config('role', ${literal(role)}, false);`);
  return [reset, ...made].join(" ");
}

function split(settings: SessionSettings) {
  return {
    role: settings.get("role"),
    others: [...settings].filter(([name]) => name !== "role"),
  };
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
