/** The command line makes no sense; the message is one line for the user that ends with what to do next. */
export class UsageError extends Error {
  override name = "UsageError";
}
