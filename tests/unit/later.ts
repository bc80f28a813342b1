/** Lets all files be older than they are, until this is disposed of: contents of young ones are not told. */
export function later(ms = 5000): Disposable {
  const now = Date.now;
  Date.now = () => now.call(Date) + ms;
  return { [Symbol.dispose]: () => void (Date.now = now) };
}
