import { byteString, toText } from "../bytes/mod.ts";
import type { SignalNote } from "../protocol/mod.ts";
import { readProc } from "./environment.ts";

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15, SIGCONT: 18 } as const;
type Forwarded = keyof typeof numbers;

/**
 * What this process was started to ignore, behind nohup or in the background of a script, it goes on ignoring. To be read
 * before the first listener, which changes it.
 */
const ignored = ignoredSignals();

/** A terminal sends these to everything in the foreground; the others are meant for one process. */
const toGroup: readonly Forwarded[] = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGCONT"];

/** Gives the command every signal that this process gets in its place. Returns what ends that. */
export function forwardSignals(send: (note: SignalNote) => void): () => void {
  return listen(Object.keys(numbers) as Forwarded[], (name) => {
    send({ signal: numbers[name], group: toGroup.includes(name) });
  });
}

/** Calls `onSignal` with the signal's number when the user wants to stop before the command runs. Returns what ends that. */
export function onInterrupt(onSignal: (signal: number) => void): () => void {
  return listen(["SIGHUP", "SIGINT", "SIGTERM"], (name) => onSignal(numbers[name]));
}

function listen(names: readonly Forwarded[], onSignal: (name: Forwarded) => void): () => void {
  const listeners = names.filter((name) => !ignored.includes(numbers[name])).map((name) => {
    const listener = () => onSignal(name);
    Deno.addSignalListener(name, listener);
    return { name, listener };
  });
  return () => listeners.forEach(({ name, listener }) => Deno.removeSignalListener(name, listener));
}

/** Numbers of the signals in SigIgn of /proc/self/status: a mask in hexadecimal, signal 1 its lowest bit. */
function ignoredSignals(): number[] {
  const digits = /^SigIgn:\s*([0-9a-f]+)$/m.exec(toText(byteString(readProc("status"))))?.[1] ?? "0";
  const mask = BigInt(`0x${digits}`);
  return Object.values(numbers).filter((number) => (mask >> BigInt(number - 1)) & 1n);
}
