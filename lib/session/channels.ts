import { toText } from "../bytes/mod.ts";
import { log } from "../log/mod.ts";
import { AgentOp, decodeChannel, encodeNumber } from "../protocol/mod.ts";
import type { Connection, SendChannel } from "../rpc/mod.ts";
import type { Channel, Link } from "../ssh/mod.ts";
import { Pump } from "./pump.ts";

/** Further ones; each carries about 2 MB a round trip. */
const CHANNELS = 3;
/** Nearer machines are reached faster than the files can be read and written, in ms. */
const MIN_RTT = 10;
/** So many full round trips one after the other are more than a start. */
const FULL_TRIPS = 2;
/** A channel that has bytes under way and hears of none for so long is given up, in ms. */
const STALL_MS = 3000;
const LOOK_MS = 500;

/** One of them, at work or on its way. */
interface Further {
  readonly sender: SendChannel;
  channel?: Channel;
  /** What was acknowledged, and since when no more was. */
  heard: number;
  heardAt: number;
}

/** Further channels of the link, opened when it turns out that one carries less than there is to send. */
export class Channels {
  readonly #connection: Connection;
  readonly #link: Promise<Link>;
  readonly #further = new Set<Further>();
  #isDecided = false;
  #wereOpened = false;
  #timer: number | undefined;

  constructor({ connection, link }: { connection: Connection; link: Promise<Link> }) {
    this.#connection = connection;
    this.#link = link;
  }

  /** Whether there has been one. */
  get wereOpened(): boolean {
    return this.#wereOpened;
  }

  /** Something was heard of the other machine: is it time? */
  consider(): void {
    if (this.#isDecided) return;
    const { fullTrips, minRtt } = this.#connection.statistics;
    if (fullTrips < FULL_TRIPS || minRtt < MIN_RTT) return;
    this.#isDecided = true;
    this.#link.then(({ openChannel }) => {
      if (openChannel === undefined) return log.debug("the link stays one channel: the connection is not shared");
      for (let id = 1; id <= CHANNELS; id++) this.#add(id, openChannel);
      this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
    });
  }

  /** Ends them: nothing more is to be sent. */
  close(): void {
    this.#isDecided = true;
    clearInterval(this.#timer);
    for (const { channel } of this.#further) channel?.kill();
    this.#further.clear();
  }

  async #add(id: number, open: NonNullable<Link["openChannel"]>): Promise<void> {
    let pump: Pump | undefined;
    const sender = this.#connection.sendChannel(id, {
      onPending: () => pump?.start(),
      onLeft: () => {
        log.debug(`channel ${id} of the link has ended`);
        this.#further.delete(further);
        further.channel?.kill();
      },
    });
    const further: Further = { sender, heard: 0, heardAt: performance.now() };
    this.#further.add(further);
    try {
      const { path, secret } = decodeChannel(await this.#connection.call(AgentOp.CHANNEL, encodeNumber(id)).reply);
      const channel = await open(toText(path));
      further.channel = channel;
      if (!this.#further.has(further)) return channel.kill();
      channel.ended.then(() => sender.leave());
      await channel.write(secret);
      pump = new Pump({ pipe: channel, connection: () => sender, onBroken: () => sender.leave() });
      pump.start();
      this.#wereOpened = true;
      log.debug(`channel ${id} of the link is open`);
    } catch (error) {
      log.debug(`channel ${id} of the link is not to be had: ${(error as Error).message}`);
      sender.leave();
    }
  }

  #look(): void {
    const now = performance.now();
    for (const further of this.#further) {
      const { sender, channel } = further;
      if (sender.inFlight === 0 || sender.acknowledged !== further.heard) {
        further.heard = sender.acknowledged;
        further.heardAt = now;
      } else if (now - further.heardAt >= STALL_MS) {
        log.debug("a channel of the link has stalled");
        sender.leave();
        channel?.kill();
      }
    }
  }
}
