import { z } from "zod";
import { during, Loopback } from "./loopback.ts";

const requestSchema = z.object({ query: z.string(), variables: z.record(z.string(), z.unknown()) });

/** What an operation's field answers with; a Response is sent as it is. */
type Answer = unknown | ((variables: Record<string, unknown>) => unknown);

/** A GraphQL service on loopback that answers in the shapes of Dagster's, its errors above all. */
export class GraphqlService extends Loopback {
  /** Operations asked for, by the first field of each. */
  readonly asked: string[] = [];
  /** What was sent with the last operation. */
  variables: Record<string, unknown> = {};

  private constructor(public answers: Record<string, Answer>) {
    super();
  }

  /** Runs a test with a service that is gone afterwards. */
  static with<T>(
    answers: Record<string, Answer>,
    test: (service: GraphqlService) => Promise<T>,
  ): Promise<T> {
    return during(new GraphqlService(answers), test);
  }

  get url(): string {
    return this.origin;
  }

  protected async answer(request: Request): Promise<Response> {
    const { query, variables } = requestSchema.parse(await request.json());
    const field = /\{\s*(\w+)/.exec(query)?.[1] ?? "";
    this.asked.push(field);
    this.variables = variables;
    const answer = this.answers[field];
    const value = typeof answer === "function" ? await answer(variables) : answer;
    if (value instanceof Response) return value;
    if (value !== undefined) return Response.json({ data: { [field]: value } });
    return Response.json({ errors: [{ message: `No field ${field}` }] }, { status: 400 });
  }
}
