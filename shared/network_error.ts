/** Why {@link NetworkError} refused or broke off a request. */
export type NetworkErrorCode =
  | "bad_url"
  | "address_refused"
  | "unreachable"
  | "timeout"
  | "too_large"
  | "too_many_redirects";

/** A request to the outside that gave no whole answer. Its message names the host, nothing inner. */
export class NetworkError extends Error {
  override readonly name = "NetworkError";

  constructor(readonly code: NetworkErrorCode, message: string) {
    super(message);
  }
}
