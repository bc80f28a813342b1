/** A write into the page cache takes a ms or less; where it takes so long, the kernel has it wait for the disk. */
const SLOW_MS = 20;
/** For so long a disk is taken for slow after that. */
const KEPT_MS = 10_000;
/** Bytes that may be under way to slow disks; what comes beyond is written at once, and whoever sends it waits. */
const MAX_BYTES = 48 << 20;

/** Disks that do not keep up with what is written to them, by the number of the device. */
export class SlowDisks {
  readonly #until = new Map<number, number>();
  #bytes = 0;

  /** A write to it took so long. */
  took(device: number, ms: number): void {
    if (ms >= SLOW_MS) this.#until.set(device, performance.now() + KEPT_MS);
  }

  /** Whether a thread is to write these bytes, which are {@link written} then. */
  take(device: number, bytes: number): boolean {
    const until = this.#until.get(device);
    if (until === undefined || performance.now() >= until || this.#bytes + bytes > MAX_BYTES) return false;
    this.#bytes += bytes;
    return true;
  }

  written(bytes: number): void {
    this.#bytes -= bytes;
  }
}
