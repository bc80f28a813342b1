import assert from "node:assert/strict";
import { waitFor, waitUntil } from "../hosts/wait.ts";
import { mirrorSide, type Place, type Side, type SideOptions, startSide } from "./backend.ts";
import { differences } from "./differences.ts";
import { compileHands, Hub } from "./hub.ts";
import type { Calls } from "./os.ts";
import { type Play, Recorder } from "./scene.ts";

const CASE_TIMEOUT_MS = 240_000;

/** What is compared of a play. */
interface Played {
  readonly lines: readonly string[];
  /** The case's folder afterwards. */
  readonly tree: readonly string[];
}

/** A folder that was just made on this machine: the other side may learn of it a moment later. */
async function enter(actor: Calls, folder: string): Promise<void> {
  const failure = `somebody cannot enter ${folder}`;
  await waitUntil(async () => await actor.chdir(folder) === 0, { failure });
}

/** Plays cases on this machine and on another side, and compares. */
export class Stage implements AsyncDisposable {
  readonly #place: Place;
  /** Where the cases' folders are: on a disk, for everybody. */
  readonly #base = Deno.makeTempDirSync({ prefix: "outrun-conformance-", dir: "/var/tmp" });
  #options!: SideOptions;
  #here: Side | undefined;
  #there: Side | undefined;
  #local: Hub | undefined;
  #count = 0;

  private constructor(place: Place) {
    this.#place = place;
  }

  static async start(place: Place): Promise<Stage> {
    const stage = new Stage(place);
    Deno.chmodSync(stage.#base, 0o777);
    stage.#options = { base: stage.#base, hands: await compileHands(stage.#base) };
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#leave();
    await this.#place[Symbol.asyncDispose]();
    await Deno.remove(this.#base, { recursive: true });
  }

  /** Asserts that the play goes as on this machine alone. */
  async compare(play: Play): Promise<void> {
    this.#here ??= await startSide(this.#place.here, this.#options);
    this.#there ??=
      await (this.#place.there === undefined ? mirrorSide(this.#options) : startSide(this.#place.there, this.#options));
    const expected = await this.#play(play, this.#here);
    const actual = await this.#play(play, this.#there);
    const different = [...differences(actual.lines, expected.lines), ...differences(actual.tree, expected.tree)];
    assert.equal(different.length, 0, `not as on this machine alone:\n${different.join("\n")}`);
  }

  async #play(play: Play, side: Side): Promise<Played> {
    const { hands, env, ...rest } = { ...this.#place.here, ...this.#options };
    this.#local ??= await Hub.start({ prefix: rest.argv, hands, env, cwd: rest.base, count: 1 });
    const [local] = this.#local.hands;
    const folder = `${this.#base}/${String(++this.#count).padStart(4, "0")}`;
    const everybody = [local, side.os, side.other];
    assert.equal(await this.#makeFolder(local, folder), 0, "a folder for the case");
    const recorder = new Recorder();
    const actors = { ...side, local };
    try {
      const playing = async () => {
        for (const actor of everybody) await enter(actor, folder);
        await play(recorder.scene(actors, folder));
        // Leaving closes what is open; what was written is here then.
        for (const actor of everybody) assert.equal(await actor.chdir(this.#base), 0);
      };
      const failure = `it does not end; so far:\n${recorder.lines.slice(-10).join("\n")}`;
      await waitFor(playing(), { timeoutMs: CASE_TIMEOUT_MS, failure });
    } catch (error) {
      // Somebody may be in the middle of something.
      await this.#leave();
      const { message } = error as Error;
      throw new Error(`${message}\nafter:\n${recorder.lines.slice(-10).join("\n")}`, { cause: error });
    }
    return { lines: recorder.lines, tree: await local.describe(folder) };
  }

  async #makeFolder(local: Calls, folder: string): Promise<number> {
    await local.umask(0);
    return await local.mkdir(folder, 0o777);
  }

  async #leave(): Promise<void> {
    const all = [this.#there, this.#here, this.#local];
    this.#there = this.#here = this.#local = undefined;
    for (const side of all) await Promise.resolve(side?.[Symbol.asyncDispose]()).catch(() => {});
  }
}
