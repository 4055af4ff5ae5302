import type postgres from "postgres";

/** A user and the organization that came with them. */
export type Member = { userId: string; organizationId: string; token: string };

/** Signs a user up at a stack. */
export async function signUp(stack: { url: string; publishableKey: string }): Promise<Member> {
  const headers = { apikey: stack.publishableKey, "content-type": "application/json" };
  const credentials = {
    email: `${crypto.randomUUID()}@example.com`,
    password: crypto.randomUUID(),
  };
  const signup = await fetch(`${stack.url}/auth/v1/signup`, {
    method: "POST",
    headers,
    body: JSON.stringify(credentials),
  });
  const { access_token: token, user } = await signup.json();
  const organizations = await fetch(`${stack.url}/rest/v1/organizations?select=id`, {
    headers: { ...headers, authorization: `Bearer ${token}` },
  });
  const [organization] = await organizations.json();
  return { userId: user.id, organizationId: organization.id, token };
}

/** Makes `count` blocks named `<name> 1`, `<name> 2` … in two statements, and returns their ids. */
export async function insertBlocks(
  sql: postgres.Sql,
  { userId, organizationId }: Member,
  block: { name: string; type: "dataset" | "model"; spec: postgres.JSONValue; count: number },
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    with block as (
      insert into public.blocks (organization_id, name, block_type, created_by)
      select ${organizationId}, ${block.name} || ' ' || n, ${block.type}, ${userId}
      from generate_series(1, ${block.count}::integer) n
      returning id)
    select id from block`;
  const ids = rows.map(({ id }) => id);
  await sql`
    insert into public.block_versions (block_id, spec)
    select id, ${sql.json(block.spec)} from unnest(${ids}::uuid[]) id`;
  return ids;
}

/** Makes an edge that passes everything on, with a verification that has passed. */
export async function insertEdge(
  sql: postgres.Sql,
  member: Member,
  name = "everything",
): Promise<string> {
  const [edge] = await sql<{ id: string }[]>`
    insert into public.edges (organization_id, name, created_by)
    values (${member.organizationId}, ${name}, ${member.userId}) returning id`;
  const id = edge?.id ?? "";
  const [version] = await sql<{ id: string }[]>`
    insert into public.edge_versions (edge_id, spec)
    values (${id}, ${sql.json({ kind: "identity" })}) returning id`;
  const [verification] = await sql<{ id: string }[]>`
    insert into public.edge_verifications (edge_version_id, verified_by)
    values (${version?.id ?? ""}, ${member.userId}) returning id`;
  await sql`
    update public.edge_verifications set verification_status = 'passed', verified_at = now()
    where id = ${verification?.id ?? ""}`;
  return id;
}
