import { call, type Options, rest } from "./client.ts";
import { sql } from "./sql.ts";
import { stack } from "./stack.ts";
import { mintToken } from "./tokens.ts";

export type Role = "owner" | "admin" | "member";

/** A signed-in user, working in one organization; each call is one of {@link call}'s. */
export class User {
  constructor(
    readonly id: string,
    readonly email: string,
    readonly token: string,
    /** What `x-organization-id` names; the personal organization, for a user by themselves. */
    readonly organizationId: string,
  ) {}

  send(method: string, path: string, options: Options = {}) {
    const headers = { "x-organization-id": this.organizationId, ...options.headers };
    return call(method, path, { token: this.token, ...options, headers });
  }

  get(path: string, options?: Options) {
    return this.send("GET", path, options);
  }

  post(path: string, body?: unknown, options?: Options) {
    return this.send("POST", path, { body, ...options });
  }

  patch(path: string, body: unknown, options?: Options) {
    return this.send("PATCH", path, { body, ...options });
  }

  delete(path: string, options?: Options) {
    return this.send("DELETE", path, options);
  }

  /** Straight to the Data API, as a hostile client would. */
  rest(method: string, path: string, body?: unknown, headers?: Record<string, string>) {
    return rest(method, path, { token: this.token, body, headers });
  }

  /** The same user in another organization. */
  in(organizationId: string): User {
    return new User(this.id, this.email, this.token, organizationId);
  }
}

/** A team of a test's own. */
export class Tenant {
  readonly #users = new Map<string, Promise<User>>();

  constructor(readonly organizationId: string, readonly owner: User) {
    this.#users.set("owner", Promise.resolve(owner));
  }

  /** The team's user of this role, made when first asked for. */
  user(role: Role): Promise<User> {
    return this.#once(role, () => this.join(role));
  }

  /** Someone who has nothing to do with the team, working in their personal organization. */
  stranger(): Promise<User> {
    return this.#once("stranger", createUser);
  }

  /** One more user with this role. */
  async join(role: Role): Promise<User> {
    const user = await createUser();
    await addMember(this.organizationId, user, role);
    return user.in(this.organizationId);
  }

  #once(name: string, make: () => Promise<User>): Promise<User> {
    const user = this.#users.get(name) ?? make();
    this.#users.set(name, user);
    return user;
  }
}

/**
 * A new user, put where the auth server puts them and signed in with a token like its own: its
 * password hashing would be most of what the tests wait for. {@link signUp} is the whole way.
 */
export async function createUser(): Promise<User> {
  const id = crypto.randomUUID();
  const email = `${id}@example.com`;
  await sql`insert into auth.users (id, aud, role, email)
    values (${id}, 'authenticated', 'authenticated', ${email})`;
  const token = await mintToken(id, { claims: { email } });
  return new User(id, email, token, await personalOrganization({ id }));
}

/** The organization that was made with a user. */
export async function personalOrganization({ id }: { id: string }): Promise<string> {
  const [row] = await sql`
    select id from public.organizations where created_by = ${id} and kind = 'personal'`;
  return row?.id;
}

/** A new user by way of the auth server. */
export async function signUp(): Promise<User> {
  const email = `${crypto.randomUUID()}@example.com`;
  const response = await fetch(`${stack.url}/auth/v1/signup`, {
    method: "POST",
    headers: { apikey: stack.publishableKey, "content-type": "application/json" },
    body: JSON.stringify({ email, password: `Aa1-${crypto.randomUUID()}` }),
  });
  const session = await response.json();
  if (!response.ok) throw new Error(`Sign-up answered ${JSON.stringify(session)}`);
  const [row] =
    await sql`select id from public.organizations where created_by = ${session.user.id}`;
  return new User(session.user.id, email, session.access_token, row?.id);
}

/** Puts a user into an organization, as its administration would; returns the membership's id. */
export async function addMember(
  organizationId: string,
  user: User,
  role: Role,
  status: "invited" | "active" = "active",
): Promise<string> {
  const [row] = await sql`
    insert into public.memberships (organization_id, user_id, role, status)
    values (${organizationId}, ${user.id}, ${role}, ${status}) returning id`;
  return row?.id;
}

/** A team with an owner and nobody else yet. Each of its users also has a personal organization. */
export async function createTenant(): Promise<Tenant> {
  const owner = await createUser();
  const slug = `t-${crypto.randomUUID().slice(0, 12)}`;
  const [row] = await sql`
    select id from private.create_organization('Test team', ${slug}, 'team', ${owner.id})`;
  return new Tenant(row?.id, owner.in(row?.id));
}
