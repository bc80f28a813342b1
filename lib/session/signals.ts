import type { SignalNote } from "../protocol/mod.ts";

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15, SIGCONT: 18 } as const;
type Forwarded = keyof typeof numbers;

/** A terminal sends these to everything in the foreground; the others are meant for one process. */
const toGroup: readonly Forwarded[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGCONT"];

/** Gives the command every signal that this process gets in its place. Returns what ends that. */
export function forwardSignals(send: (note: SignalNote) => void): () => void {
  const listeners = (Object.keys(numbers) as Forwarded[]).map((name) => {
    const listener = () => send({ signal: numbers[name], group: toGroup.includes(name) });
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  return () => listeners.forEach(({ name, listener }) => Deno.removeSignalListener(name, listener));
}

/** Calls `onSignal` with the signal's number when the user wants to stop before the command runs. Returns what ends that. */
export function onInterrupt(onSignal: (signal: number) => void): () => void {
  const listeners = (["SIGHUP", "SIGINT", "SIGTERM"] as const).map((name) => {
    const listener = () => onSignal(numbers[name]);
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  return () => listeners.forEach(({ name, listener }) => Deno.removeSignalListener(name, listener));
}
